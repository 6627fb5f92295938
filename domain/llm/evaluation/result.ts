import type { RetrievedPassage } from './evaluator';
import type { Score } from './score';

/** What came of one case. */
export interface CaseResult {
  readonly id: string;
  readonly group: string | null;
  readonly pair: string | null;
  readonly answer: string | null;
  /** Why there is no answer: the type of the failure. */
  readonly unanswered: string | null;
  readonly retrieved: readonly Pick<RetrievedPassage, 'documentId'>[];
  /** By dimension. */
  readonly scores: Readonly<Record<string, Score>>;
  /** Of the case alone, without repeats and perturbations; null when there is no answer. */
  readonly latencyMs: number | null;
  /** Nanodollars, likewise. */
  readonly cost: number | null;
}
