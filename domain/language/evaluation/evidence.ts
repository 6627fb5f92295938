import type { ArtifactRef, Digest } from '../../artifact';
import type { Attempt } from '../../evaluation/attempts';
import type { Aggregate } from './aggregate';
import type { BiasEvidence } from '../judge/bias';
import type { JudgeCalibration } from '../judge/calibration';
import type { StandbyOutcome } from '../../bundle/standby';
import type { AnswerModel } from './result';

/** Measurements of one candidate on one case set. JSON; only latencies depend on the machine. */
export interface LlmEvidence {
  readonly kind: 'llmEvaluation';
  readonly version: 2;
  /** Digest of the evaluated bundle or prompt. */
  readonly candidate: Digest;
  readonly caseSet: Digest;
  /** The bundle's attempt number on the case set; absent if there is no decision. */
  readonly attempt?: Attempt;
  /** Attempt number for latency gates: each run measures latency again, even of the same bundle. */
  readonly latencyAttempt?: Attempt;
  readonly cases: number;
  readonly dimensions: Readonly<Record<string, DimensionEvidence>>;
  /** Candidate minus counterpart on the same cases; null without a counterpart. */
  readonly comparisons: Readonly<
    Record<'champion' | 'baseline', Readonly<Record<string, Aggregate>> | null>
  >;
  /** Why a counterpart that exists was not compared. */
  readonly missing?: Readonly<Record<'champion' | 'baseline', MissingCounterpart | null>>;
  readonly bias: Readonly<Record<string, BiasEvidence>>;
  /** One per case that was answered in this run, in the order of the cases. */
  readonly latenciesMs: readonly number[];
  /** Cases with an answer from an earlier run. Their latencies do not count: the load differed. */
  readonly earlier: number;
  /**
   * Cases with an earlier answer that got none when asked again to measure latency: reason → cases.
   * Absent if there are none.
   */
  readonly untimed?: Readonly<Record<string, number>>;
  /** The models that answered, with the most cases first. */
  readonly answeredBy: readonly AnswererCount[];
  /** Nanodollars, one per answered case. */
  readonly costs: readonly number[];
  /**
   * Paraphrases that were refused and not asked: reason → paraphrases. Absent if there are none.
   */
  readonly notReworded?: Readonly<Record<string, number>>;
  /**
   * The evaluated standbys in their order; the candidate names those that qualified. Absent without
   * standbys.
   */
  readonly standbys?: readonly StandbyOutcome[];
  /** The answers, case by case, if this is the evidence of a run's decision. */
  readonly results?: CaseResultRefs;
  /** Cases without an answer: reason → cases. */
  readonly unanswered: Readonly<Record<string, number>>;
  /** An example of the provider's message for each failure reason. Absent where no case failed. */
  readonly because?: Readonly<Record<string, string>>;
}

/** JSON: `CaseResult[]` each; null if there was no evaluation. */
export interface CaseResultRefs {
  readonly candidate: ArtifactRef;
  readonly champion: ArtifactRef | null;
  readonly baseline: ArtifactRef | null;
}

export interface AnswererCount extends AnswerModel {
  readonly cases: number;
}

/** The counterpart is the candidate itself, or could not be measured. */
export type MissingCounterpart =
  { readonly kind: 'same' } | { readonly kind: 'notMeasured'; readonly reason: string };

export interface DimensionEvidence {
  readonly aggregate: Aggregate;
  /** The lowest score of a measured case and how many cases have it; null if none was measured. */
  readonly lowest: { readonly score: number; readonly cases: number } | null;
  /** The judge that gave the scores; null if they are measured without one. */
  readonly judge: {
    readonly digest: Digest;
    readonly calibration: JudgeCalibration | null;
    readonly said: { readonly cases: number; readonly right: number };
  } | null;
}
