import type { RetrievalMetric } from '../../index/retrieval-metrics';
import type { EvaluatorSpec } from './evaluator';
import type { Perturbation } from './perturb';

/** What an evaluation measures of each case, under a name that gates use. */
export type DimensionSpec = { readonly name: string } & MeasureSpec;

export type MeasureSpec =
  EvaluatorSpec | RetrievalSpec | ConsistencySpec | RobustnessSpec | JudgeSpec;

/** Of the documents retrieved, against the gold ones of the case. */
export interface RetrievalSpec {
  readonly kind: 'retrieval';
  readonly metric: RetrievalMetric;
}

/**
 * The same case asked `repeats` times in all; a sampling without randomness makes it 1 and says
 * nothing.
 */
export interface ConsistencySpec {
  readonly kind: 'consistency';
  readonly repeats: number;
}

/**
 * How much of another dimension's score is left when `variable` is perturbed. Cases that have none
 * to lose say nothing.
 */
export interface RobustnessSpec {
  readonly kind: 'robustness';
  readonly of: string;
  readonly variable: string;
  readonly perturbations: readonly Perturbation[];
}

/** A model's verdict. It gates only when its version was calibrated against people's labels. */
export interface JudgeSpec {
  readonly kind: 'judge';
  /**
   * Path of the prompt that asks for the verdict; its variables may be the case's, `answer` and
   * `reference`, or `first` and `second` to be asked in both orders.
   */
  readonly prompt: string;
  readonly provider: string;
  readonly model: string;
  /** Path of the answers with people's labels; null for a judge that no gate may use. */
  readonly labels: string | null;
}
