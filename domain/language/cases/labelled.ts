import type { EvaluationCase } from './case';

/** An answer that people have judged: what a judge is measured by. */
export interface LabelledAnswer {
  readonly case: EvaluationCase;
  readonly answer: string;
  readonly right: boolean;
}
