/** The outputs of the stages of a batch prediction. */
import type { ArtifactRef, Digest } from '../artifact';
import type { DatasetVersionRef } from '../dataset/dataset';
import type { ModelVersionRef } from '../model/model';
import type { BatchCounts } from './row-errors';

/** The versions that the names of the request meant when the run began. */
export interface BatchPins {
  readonly input: DatasetVersionRef;
  readonly model: ModelVersionRef;
  /** The dataset that the run writes. */
  readonly output: string;
}

export interface PlannedBatch {
  readonly kind: 'batch.planned';
  readonly pins: BatchPins;
  /** Refers to what every chunk depends on. */
  readonly plan: ArtifactRef;
  readonly rows: number;
  readonly chunks: number;
}

export interface ScoredBatch {
  readonly kind: 'batch.scored';
  readonly counts: BatchCounts;
  readonly seconds: number;
}

export interface CommittedBatch {
  readonly kind: 'batch.committed';
  readonly dataset: string;
  readonly version: number;
  readonly digest: Digest;
  readonly counts: BatchCounts;
}
