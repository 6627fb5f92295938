import type { EvaluationCase } from '../cases/case';
import type { RetrievedPassage } from '../judge/evaluator-input';
import type { Score } from './score';

/** The answer to one case, with its scores. */
export interface CaseResult {
  readonly id: string;
  readonly group: string | null;
  readonly pair: string | null;
  /** Absent in the states of a search, as is `expected`. */
  readonly input?: EvaluationCase['input'];
  readonly expected?: EvaluationCase['expected'];
  readonly answer: string | null;
  /** The failure type if there is no answer. */
  readonly unanswered: string | null;
  /**
   * That failure's message and next step, cut at 400 characters; error texts contain no secret and
   * no prompt (I11). Absent with an answer.
   */
  readonly because?: string;
  readonly retrieved: readonly Pick<RetrievedPassage, 'documentId'>[];
  /** Why paraphrases were skipped; absent if none was. */
  readonly notReworded?: readonly string[];
  /** Dimension → score. */
  readonly scores: Readonly<Record<string, Score>>;
  /** Latency of the case itself, without repeats and perturbations; null without an answer. */
  readonly latencyMs: number | null;
  /** The answer is from another run or stage, so its latency is from another load. */
  readonly earlier?: boolean;
  /**
   * The failure type if a question with an earlier answer got none when it was asked again to
   * measure latency.
   */
  readonly untimed?: string;
  /** Absent without an answer. */
  readonly by?: AnswerModel;
  /** Nanodollars; null without an answer. */
  readonly cost: number | null;
}

/** The model that answered. */
export interface AnswerModel {
  readonly provider: string;
  /** Model name that the provider reports. */
  readonly model: string;
  /** Whether it is a standby of the requested model. */
  readonly standsIn: boolean;
}
