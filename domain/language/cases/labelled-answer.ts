import type { EvaluationCase } from './case';

/** An answer that people have labelled, to calibrate a judge. */
export interface LabelledAnswer {
  readonly case: EvaluationCase;
  readonly answer: string;
  readonly right: boolean;
}
