import type { EvaluationCase } from '../cases/case';
import type { RetrievedPassage } from '../judge/judged-case';
import type { Score } from './score';

/** What came of one case. */
export interface CaseResult {
  readonly id: string;
  readonly group: string | null;
  readonly pair: string | null;
  /** What was asked, and what would have been right. Not given in the states of a search. */
  readonly input?: EvaluationCase['input'];
  readonly expected?: EvaluationCase['expected'];
  readonly answer: string | null;
  /** Why there is no answer: the type of the failure. */
  readonly unanswered: string | null;
  /**
   * What that failure said and advised, cut at 400 characters: error texts hold no secret and no
   * prompt (I11). Not given with an answer.
   */
  readonly because?: string;
  readonly retrieved: readonly Pick<RetrievedPassage, 'documentId'>[];
  /** Paraphrases of the case that were not asked, by why not; not given where all were. */
  readonly notReworded?: readonly string[];
  /** By dimension. */
  readonly scores: Readonly<Record<string, Score>>;
  /** Of the case alone, without repeats and perturbations; null when there is no answer. */
  readonly latencyMs: number | null;
  /** The answer was given to another run or stage: its time is of another load. */
  readonly earlier?: boolean;
  /**
   * Why a question that was answered earlier had no answer when it was asked again for its time:
   * the type of the failure. Not given otherwise.
   */
  readonly untimed?: string;
  /** Not given without an answer. */
  readonly by?: AnsweredBy;
  /** Nanodollars, likewise. */
  readonly cost: number | null;
}

/** Who gave an answer: not always who was meant. */
export interface AnsweredBy {
  readonly provider: string;
  /** As the provider names it. */
  readonly model: string;
  /** A standby's answer, in the place of the one that was meant. */
  readonly standsIn: boolean;
}
