import type { ArtifactRef, Digest } from '../dataset/artifact';
import type { Column } from '../dataset/dataset';

/**
 * `classification` is binary, `multiclass` tells three classes or more apart (two are allowed),
 * `regression` gives a number.
 */
export const tasks = ['classification', 'multiclass', 'regression'] as const;
export type Task = (typeof tasks)[number];

/** `champion` answers production, `previous` is where a rollback goes, `challenger` is on trial. */
export type AliasName = 'champion' | 'challenger' | 'previous';

/**
 * A column that the ONNX graph takes as input, shape [rows, 1]; missing number NaN, missing text
 * `missingText`.
 */
export interface FeatureColumn {
  readonly name: string;
  readonly type: 'float' | 'string';
}

/** The reserved string that stands for a missing text in trainer, SQL and ONNX alike. */
export const missingText = '__missing__';

/** What a request must carry and what the graph gives back. */
export interface ModelSignature {
  readonly task: Task;
  /** Raw request columns that `features.sql` reads: one named tensor each on the wire. */
  readonly request: readonly Column[];
  readonly features: readonly FeatureColumn[];
  /**
   * Graph output: `score`, float [rows, 1]: probability of the positive class, or the predicted
   * value. In multiclass [rows, classes]: the probability of each class.
   */
  readonly output: 'score';
  /** Of a multiclass model alone: the names of its classes, in the order of the graph's output. */
  readonly classes?: readonly string[];
  readonly entity: string | null;
  readonly time: string | null;
}

/**
 * The bytes behind a model version's digest: canonical JSON of this. What is evaluated, promoted
 * and served has this one digest (I3).
 */
export interface ModelManifest {
  readonly model: string;
  readonly signature: ModelSignature;
  readonly onnx: ArtifactRef;
  readonly featuresSql: ArtifactRef;
  readonly trainer: {
    readonly name: string;
    readonly codeDigest: Digest;
    readonly params: Readonly<Record<string, unknown>>;
    readonly seed: number;
  };
  /** Manifest digest of the assembled training rows. */
  readonly trainingData: Digest;
}

/** `flight-delay@7`. Identity of the bytes is `manifest.digest`. */
export interface ModelVersionRef {
  readonly model: string;
  readonly version: number;
  readonly manifest: ArtifactRef;
}

/**
 * `candidate` until decided; `rejected` by a gate; `withdrawn` by undo; `promoted` once it was a
 * champion.
 */
export type ModelVersionStatus = 'candidate' | 'promoted' | 'rejected' | 'withdrawn';

/**
 * The champion as it was when a candidate was compared with it; a promotion replaces exactly this
 * one.
 */
export interface ChampionSeen {
  readonly version: ModelVersionRef | null;
  readonly fencing: number;
}

export function versionName(ref: { readonly model: string; readonly version: number }): string {
  return `${ref.model}@${ref.version}`;
}
