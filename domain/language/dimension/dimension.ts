import type { RetrievalMetric } from '../../index/retrieval-metrics';
import type { EvaluatorSpec } from './evaluator';
import type { Perturbation } from './perturb';

/** One measurement of each case, under a name that gates use. */
export type DimensionSpec = { readonly name: string } & MeasureSpec;

export type MeasureSpec =
  EvaluatorSpec | RetrievalSpec | ConsistencySpec | RobustnessSpec | JudgeSpec;

/** Scores the retrieved documents against those that the case expects. */
export interface RetrievalSpec {
  readonly kind: 'retrieval';
  readonly metric: RetrievalMetric;
}

/** Asks a case `repeats` times in total; without random sampling the score is always 1. */
export interface ConsistencySpec {
  readonly kind: 'consistency';
  readonly repeats: number;
}

/**
 * The share of another dimension's score that is left when `variable` is perturbed. It does not
 * apply to cases with a score of 0.
 */
export interface RobustnessSpec {
  readonly kind: 'robustness';
  readonly of: string;
  readonly variable: string;
  readonly perturbations: readonly Perturbation[];
}

/** A model's verdict. Gates need a calibration of this judge version against people's labels. */
export interface JudgeSpec {
  readonly kind: 'judge';
  /**
   * Path of the prompt that asks for the verdict. It may use the variables of the case, `answer`
   * and `reference`, or `first` and `second` to be asked in both orders.
   */
  readonly prompt: string;
  readonly provider: string;
  readonly model: string;
  /** Path of the answers with people's labels; null for a judge without gates. */
  readonly labels: string | null;
}
