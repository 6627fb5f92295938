import type { ArtifactRef, Digest } from '../../dataset/artifact';
import type { Attempt } from '../../decision/gates/attempts';
import type { Aggregate } from './aggregate';
import type { BiasEvidence } from '../judge/bias';
import type { JudgeCalibration } from '../judge/judge';
import type { StandbyOutcome } from '../provider/standby';
import type { AnsweredBy } from './result';

/**
 * What was measured of one candidate on one case set. JSON, without a clock or a machine in it but
 * for latencies.
 */
export interface LlmEvidence {
  readonly kind: 'llmEvaluation';
  readonly version: 2;
  /** Of the bundle or prompt that was asked. */
  readonly candidate: Digest;
  readonly caseSet: Digest;
  /** Which bundle of its lifecycle this one is on the case set; absent where nothing is decided. */
  readonly attempt?: Attempt;
  /**
   * Likewise of measurements of time, where a gate is over latency: each run measures anew, also of
   * the same bundle.
   */
  readonly latencyAttempt?: Attempt;
  readonly cases: number;
  readonly dimensions: Readonly<Record<string, DimensionEvidence>>;
  /** Candidate minus counterpart on the same cases; null when there is none. */
  readonly comparisons: Readonly<
    Record<'champion' | 'baseline', Readonly<Record<string, Aggregate>> | null>
  >;
  /** Why a counterpart was not compared with, where it is not that there is none. */
  readonly missing?: Readonly<Record<'champion' | 'baseline', MissingCounterpart | null>>;
  readonly bias: Readonly<Record<string, BiasEvidence>>;
  /** One a case that was answered in this run, in the order of the cases. */
  readonly latenciesMs: readonly number[];
  /**
   * Cases whose answer was given to an earlier run: their times are of other loads, and in no
   * figure.
   */
  readonly earlier: number;
  /**
   * Cases of an earlier answer that had none when they were asked again for their time: reason →
   * cases. Absent where none was.
   */
  readonly untimed?: Readonly<Record<string, number>>;
  /** Who gave the answers, the most first. */
  readonly answeredBy: readonly AnsweredCount[];
  /** Nanodollars, of each answered case. */
  readonly costs: readonly number[];
  /** Paraphrases that were refused and not asked: reason → paraphrases. Absent where none was. */
  readonly notReworded?: Readonly<Record<string, number>>;
  /**
   * Of the models that were to stand by, in their order; those that qualified are named in the
   * candidate. Absent where none was to.
   */
  readonly standbys?: readonly StandbyOutcome[];
  /** What was answered, case by case, where this is the evidence of a run's decision. */
  readonly results?: CaseResultRefs;
  /** Cases without an answer: reason → cases. */
  readonly unanswered: Readonly<Record<string, number>>;
  /** An example of the provider's message for each failure reason. Absent where no case failed. */
  readonly because?: Readonly<Record<string, string>>;
}

/** JSON: `CaseResult[]` each; null where nobody was asked. */
export interface CaseResultRefs {
  readonly candidate: ArtifactRef;
  readonly champion: ArtifactRef | null;
  readonly baseline: ArtifactRef | null;
}

export interface AnsweredCount extends AnsweredBy {
  readonly cases: number;
}

/** The very same bundle, or one that could not be asked. */
export type MissingCounterpart =
  { readonly kind: 'same' } | { readonly kind: 'notMeasured'; readonly reason: string };

export interface DimensionEvidence {
  readonly aggregate: Aggregate;
  /**
   * The lowest score of a measured case and how many cases have it; null when none was measured.
   */
  readonly lowest: { readonly score: number; readonly cases: number } | null;
  /** Whose verdicts the scores are; null when they are measured. */
  readonly judge: {
    readonly digest: Digest;
    readonly calibration: JudgeCalibration | null;
    readonly said: { readonly cases: number; readonly right: number };
  } | null;
}
