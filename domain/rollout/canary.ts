import type { HoldoutLabels } from '../evaluation/measure/holdout-labels';
import type { RowLoss } from '../evaluation/metrics/names';
import type { DayCorrelation } from '../statistics/day-history';
import type { AnswerLoss, AnswerQuality } from './judging/answer-quality';
import type { RolloutMethod } from './method';
import type { MissingLabels } from './missing-labels';

/** A rollout: its steps, the quality and guardrails it needs, and its statistical test. */
export interface CanarySpec {
  /** Absent: a canary, whose share of entities grows step by step. */
  readonly method?: RolloutMethod;
  /** Blue/green only. False: it switches without quality being shown in shadow. Absent: true. */
  readonly requireShadow?: false;
  /** A/B only: the version numbers of further challengers. Absent: none. */
  readonly against?: readonly number[];
  /**
   * Percent of entities, increasing. 0 is shadow: the challenger scores every request, and its
   * answers are not returned. Of a bandit: its least and greatest share.
   */
  readonly steps: readonly number[];
  readonly quality: {
    readonly metric: RowLoss | AnswerLoss;
    readonly rule: 'nonInferiority' | 'superiority';
    /** Margin in the unit of the metric. */
    readonly margin: number;
    /** The largest loss of one row, for a loss without a limit (`mae`); null otherwise. */
    readonly bound: number | null;
    /**
     * The difference on traffic that ends a serving rollout even if the test across days is open.
     */
    readonly largeHarm: number;
    /** Absent: `hold`; for a language application `ignore`, because feedback is voluntary. */
    readonly missingLabels?: MissingLabels | undefined;
    /** The largest share of due labels that may be missing or late. Absent: 0.05. */
    readonly maxMissing?: number | undefined;
    /** Only for a language application, whose metric is an `AnswerLoss`. */
    readonly answers?: AnswerQuality;
    /** Set when a rollout opens, if the challenger's evaluation has it. */
    readonly holdoutLabels?: HoldoutLabels;
  };
  readonly guardrails: readonly GuardrailSpec[];
  readonly test: {
    readonly kind: 'alwaysValid';
    readonly alpha: number;
    readonly minSamples: number;
    readonly minDurationSeconds: number;
    /** The least assumed correlation of one day's difference with the day before, 0 to 0.9. */
    readonly dayCorrelation: number;
    /** Set when a rollout opens: the larger of `dayCorrelation` and a bound from the history. */
    readonly daysCorrelate?: DayCorrelation;
  };
  /** The IANA time zone of the days that make whole weeks. */
  readonly timezone: string;
  /** Maximum duration in event time. */
  readonly maxDurationSeconds: number;
  /** Wall-clock time without requests after which the rollout ends undecided. */
  readonly maxIdleSeconds: number;
  /** The action when `maxDuration` or `maxIdle` ends without a decision. */
  readonly onInconclusive: 'rollback' | 'hold';
}

/**
 * Limits on the challenger's requests. `errors`: the share that fails. `latency_ms`: at most the
 * share 1 − quantile takes longer than `max`. Language applications also have `first_token_ms` (to
 * the first piece of a stream), `tokens` (of prompt and answer), `blocked` (the share that the
 * safety policy or the provider's filter blocks) and `format` (the share that is not valid JSON for
 * the schema).
 */
export type GuardrailSpec =
  | { readonly name: 'errors' | 'blocked' | 'format'; readonly max: number }
  | {
      readonly name: 'latency_ms' | 'first_token_ms' | 'tokens';
      readonly quantile: number;
      readonly max: number;
    };
