import type { ArtifactRef, Digest } from '../artifact';
import type { Column } from '../dataset/dataset';

/**
 * `classification` is binary, `multiclass` has two classes or more, `regression` predicts a number.
 */
export const tasks = ['classification', 'multiclass', 'regression'] as const;
export type Task = (typeof tasks)[number];

/** `champion` serves, `previous` is the target of a rollback, `challenger` is in a rollout. */
export type AliasName = 'champion' | 'challenger' | 'previous';

/** An input of the ONNX graph, shape [rows, 1]. Missing: NaN, or `missingText` for a text. */
export interface FeatureColumn {
  readonly name: string;
  readonly type: 'float' | 'string';
}

/** The text for a missing value in trainer, SQL and ONNX. */
export const missingText = '__missing__';

/** The columns of a request and the output of the graph. */
export interface ModelSignature {
  readonly task: Task;
  /** Request columns that `features.sql` reads; one named tensor each in the protocol. */
  readonly request: readonly Column[];
  readonly features: readonly FeatureColumn[];
  /**
   * Graph output: `score`, float [rows, 1]: probability of the positive class, or the predicted
   * value. In multiclass [rows, classes]: the probability of each class.
   */
  readonly output: 'score';
  /** Only multiclass: class names in the order of the graph's output. */
  readonly classes?: readonly string[];
  readonly entity: string | null;
  readonly time: string | null;
}

/** Formats of models that were made outside Perennial. All but ONNX are converted to it by a job. */
export const importedFormats = ['onnx', 'sklearn', 'lightgbm', 'xgboost'] as const;
export type ImportedFormat = (typeof importedFormats)[number];

/**
 * A model version's digest is over the canonical JSON of this. Evaluation, promotion and serving
 * use the same digest (I3).
 */
export interface ModelManifest {
  readonly model: string;
  readonly signature: ModelSignature;
  readonly onnx: ArtifactRef;
  readonly featuresSql: ArtifactRef;
  /** Null for an imported model. */
  readonly trainer: {
    readonly name: string;
    readonly codeDigest: Digest;
    /** Digest of the locked packages, for a trainer with its own packages. */
    readonly environment?: Digest;
    readonly params: Readonly<Record<string, unknown>>;
    readonly seed: number;
  } | null;
  /** Only for an imported model: what was imported. */
  readonly imported?: { readonly format: ImportedFormat; readonly digest: Digest };
  /**
   * Manifest digest of the assembled rows. A trained model was trained on a part of them; an
   * imported one was checked and evaluated on them.
   */
  readonly trainingData: Digest;
}

/** `flight-delay@7`. `manifest.digest` identifies its content. */
export interface ModelVersionRef {
  readonly model: string;
  readonly version: number;
  readonly manifest: ArtifactRef;
}

/** `candidate` until a decision, `rejected` by a gate, `withdrawn` by undo, `promoted` for good. */
export type ModelVersionStatus = 'candidate' | 'promoted' | 'rejected' | 'withdrawn';

/** The champion that a candidate was compared with. A promotion replaces only this one. */
export interface ComparedChampion {
  readonly version: ModelVersionRef | null;
  readonly fencing: number;
}

export function versionName(ref: { readonly model: string; readonly version: number }): string {
  return `${ref.model}@${ref.version}`;
}
