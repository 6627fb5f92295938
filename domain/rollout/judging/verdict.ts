import type { Reason } from '../../verdict';

/** What a rollout does next. The reasons of each metric come first, then what holds or ends it. */
export type RolloutVerdict =
  /** Nothing is decided yet. */
  | (VerdictGrounds & { readonly kind: 'continue'; readonly remaining: Remaining })
  /** `toStep`: index into the policy's steps. */
  | (VerdictGrounds & {
      readonly kind: 'advance';
      readonly toStep: number;
      readonly percent: number;
    })
  /** `winner`: the challenger that an A/B rollout promotes; absent: the only challenger. */
  | (VerdictGrounds & { readonly kind: 'promote'; readonly winner?: string })
  /** A/B: this challenger does harm and gets no more traffic; the others go on. */
  | (VerdictGrounds & {
      readonly kind: 'stopArm';
      readonly arm: string;
      readonly metric: string;
    })
  /** A guardrail is exceeded or quality is refuted, so all traffic returns to the champion. */
  | (VerdictGrounds & { readonly kind: 'harm'; readonly metric: string })
  /**
   * Undecided after `maxDuration`, or judging has ended; `action` is `onInconclusive`. `isInvalid`:
   * the shares of an A/B rollout are not as planned, which ends it in every status.
   */
  | (VerdictGrounds & {
      readonly kind: 'expired';
      readonly action: 'rollback' | 'hold';
      readonly isInvalid?: true;
      readonly remaining: Remaining;
    });

interface VerdictGrounds {
  readonly reasons: readonly Reason[];
  readonly readings: readonly MetricReading[];
}

/** The current reading of one metric. The bounds hold at all times at once. */
export interface MetricReading {
  /** Challenger in an A/B rollout; otherwise absent. */
  readonly arm?: string;
  /** The quality metric's name, or the guardrail's. */
  readonly metric: string;
  /**
   * `step`: quality of the current step alone, while the challenger answers requests. `shadow`:
   * quality of the earlier shadow, for information.
   */
  readonly role: 'quality' | 'shadow' | 'step' | 'guardrail';
  readonly outcome: 'passed' | 'failed' | 'inconclusive';
  readonly n: number;
  /** Difference in loss (positive is worse), or a share of requests. Null without observations. */
  readonly estimate: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  /**
   * Quality: the margin, negative for superiority. Step: above it is harm. Guardrail: the largest
   * allowed share.
   */
  readonly limit: number;
  /** Guardrails: the champion's events in the same minutes. Absent: only the limit counts. */
  readonly control?: ControlReading;
  /** Quality by arms: entities of the smaller arm that would be as certain if all were equal. */
  readonly effectiveEntities?: number;
  /** The same over days, if the policy tests days. Without bounds before the first whole week. */
  readonly days: DaysReading | null;
}

export interface ControlReading {
  /** Requests of the champion. */
  readonly n: number;
  /** Its share of events. */
  readonly estimate: number | null;
  /** Whether the challenger is shown to have more events than the champion. */
  readonly isWorse: boolean;
}

export interface DaysReading {
  /** Number of days. */
  readonly n: number;
  /** Number of whole weeks to which these days belong; 0 during the first week. */
  readonly weeks: number;
  readonly estimate: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
}

/** A forecast at the current rate; null: never decided at this rate. */
export interface Remaining {
  /** Further labelled requests. */
  readonly observations: number | null;
  /** Event time. */
  readonly seconds: number | null;
}
