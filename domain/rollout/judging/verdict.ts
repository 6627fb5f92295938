import type { Reason } from '../../decision/verdict';

/**
 * What a rollout should do next. Reasons come in every case: one for each metric, then what holds
 * the rollout back or ends it.
 */
export type RolloutVerdict =
  /** Nothing is decided yet. */
  | (Said & { readonly kind: 'continue'; readonly remaining: Remaining })
  /** To the policy's step of this index. */
  | (Said & { readonly kind: 'advance'; readonly toStep: number; readonly percent: number })
  | (Said & { readonly kind: 'promote' })
  /**
   * A guardrail is broken, or quality is shown to miss what the policy demands: back to the
   * champion.
   */
  | (Said & { readonly kind: 'harm'; readonly metric: string })
  /** `maxDuration` is over before a promotion was decided: what the policy says then. */
  | (Said & {
      readonly kind: 'expired';
      readonly action: 'rollback' | 'hold';
      readonly remaining: Remaining;
    });

interface Said {
  readonly reasons: readonly Reason[];
  readonly readings: readonly MetricReading[];
}

/** One metric as it stands; bounds hold at all times at once. */
export interface MetricReading {
  /** The quality metric's name, or the guardrail's. */
  readonly metric: string;
  /**
   * `step`: quality of the present step alone, while the challenger answers requests. `shadow`:
   * quality of the shadow that came before; it is reported and decides nothing more.
   */
  readonly role: 'quality' | 'shadow' | 'step' | 'guardrail';
  readonly outcome: 'passed' | 'failed' | 'inconclusive';
  readonly n: number;
  /**
   * Difference in loss (positive is worse), or a share of requests. Null before the first
   * observation.
   */
  readonly estimate: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  /**
   * Quality: the margin, with the sign in which bounds are compared. Step: from where it is harm.
   * Guardrail: the largest share allowed.
   */
  readonly limit: number;
  /**
   * The same over days instead of requests, where days are asked about; without bounds before the
   * first whole week.
   */
  readonly days: DaysReading | null;
}

export interface DaysReading {
  readonly n: number;
  /** Whole weeks, whose days these are; 0: those of the first week so far. */
  readonly weeks: number;
  readonly estimate: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
}

/**
 * Reckoned from what was seen so far, as if it went on like this; null when it would never be
 * decided.
 */
export interface Remaining {
  /** Further labelled requests. */
  readonly observations: number | null;
  /** Event time. */
  readonly seconds: number | null;
}
