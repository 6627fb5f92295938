/** Everything that a chunk of a batch prediction depends on, pinned by digest. */
import type { ArtifactRef } from '../../domain/artifact';
import type { BatchColumn } from '../../domain/batch/columns';
import type { Column, DatasetVersionRef } from '../../domain/dataset/dataset';
import type { FeatureColumn, ModelVersionRef } from '../../domain/model/model';
import type { FeaturePlan } from '../sql/feature-compiler';

export interface BatchPlan {
  readonly input: DatasetVersionRef;
  /** Parquet, in order. */
  readonly files: readonly ArtifactRef[];
  /** Rows of each file. */
  readonly fileRows: readonly number[];
  readonly columns: readonly Column[];
  readonly chunkRows: number;
  readonly model: ModelVersionRef;
  readonly onnx: ArtifactRef;
  /** `features.sql` of the version, compiled once for the run. */
  readonly features: FeaturePlan;
  readonly graphInputs: readonly FeatureColumn[];
  /** Only multiclass. */
  readonly classes?: readonly string[];
  readonly read: readonly BatchColumn[];
  readonly keys: readonly Column[];
  readonly output: { readonly dataset: string; readonly columns: readonly Column[] };
}

/** Not `application/json`, so that the record of the stage does not follow its references. */
export const batchPlanType = 'application/vnd.perennial.batch-plan+json';
