import type { TuneSpec } from '../tuning/tune-spec';
import type { SourceFormat } from '../dataset/source-uri';
import type { ComputeSpec } from '../training/job';
import type { Task } from '../model/model';
import type { ProgramSpec } from './sections/program';
import type { MissingLabels } from '../rollout/missing-labels';
import type { RolloutMethod } from '../rollout/method';
import type { AnswerLoss, AnswerQuality } from '../rollout/judging/answer-quality';
import type { ComputeBudget } from '../cost/compute-budget';
import type { CalendarDuration } from '../duration';
import type { SplitSpec } from '../dataset/split';
import type { DayCorrelation } from '../statistics/day-history';
import type { HoldoutLabels } from '../evaluation/measure/holdout-labels';
import type { RowLoss } from '../evaluation/metrics/names';
import type { EvaluateSpec } from '../decision/gate-spec';
import type { TriggersSpec } from './sections/triggers';
import type { MonitorSpec } from './sections/monitor-spec';
import type { NotifySpec } from '../notification/notification';

/** The kinds that make and release a version of a model. */
export type ReleasingKind = 'ModelLifecycle' | 'LlmLifecycle';

export type LifecycleKind = ReleasingKind | 'DataLifecycle';

/** A checked lifecycle with every default. Durations are in seconds, sizes in bytes. */
export interface ModelLifecycleSpec {
  readonly kind: 'ModelLifecycle';
  readonly name: string;
  readonly owner: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly data: DataSpec;
  readonly train: TrainSpec;
  readonly evaluate: EvaluateSpec;
  readonly promote: PromoteSpec;
  readonly tune: TuneSpec | null;
  readonly canary: CanarySpec | null;
  /** Absent when the champion is watched with the default settings. */
  readonly monitor?: MonitorSpec;
  /** Absent: only people, the schedule and the monitor start runs. */
  readonly triggers?: TriggersSpec;
  /** Absent when no job of its runs is capped. */
  readonly budget?: ComputeBudget;
  readonly schedule: ScheduleSpec | null;
  readonly notify: readonly NotifySpec[];
  /** Absent when the built-in function executes the stages. */
  readonly program?: ProgramSpec;
}

/** A lifecycle of a project without a model. Its function decides everything. */
export interface DataLifecycleSpec {
  readonly kind: 'DataLifecycle';
  readonly name: string;
  readonly owner: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Null when the run reads no sources. */
  readonly data: SourcesSpec | null;
  /** Who may vote where the run waits for people. */
  readonly approval: { readonly allowStarter: boolean };
  /** Absent when no job of its runs is capped. */
  readonly budget?: ComputeBudget;
  readonly schedule: ScheduleSpec | null;
  readonly notify: readonly NotifySpec[];
  readonly program: ProgramSpec;
}

/** The sources of a run and their limits. */
export interface SourcesSpec {
  readonly sources: readonly ModelSource[];
  /** The maximum size of one source. */
  readonly maxBytes: number;
  readonly timeoutSeconds: number;
}

export interface SourceSpec {
  readonly name: string;
  /** sample:// file:// s3:// https:// dataset://name@alias */
  readonly uri: string;
  readonly format: SourceFormat;
  /** The event-time column; only rows in the run's window are ingested. */
  readonly time: string | null;
}

/** A source of a model lifecycle. */
export interface ModelSource extends SourceSpec {
  /** Path of the contract file; null when there is none. */
  readonly contract: string | null;
}

export interface DataSpec {
  readonly sources: readonly ModelSource[];
  /** Path of the SQL that joins the sources into request rows + label. */
  readonly assemble: string;
  readonly features: string;
  readonly label: {
    readonly column: string;
    readonly availableAfterSeconds: number;
    readonly dependsOnPrediction: boolean;
  };
  /** Null when the rows have no usable time; `split` is then by a hash. */
  readonly time: TimeSpec | null;
  readonly entity: string | null;
  readonly split: SplitSpec;
  /** The maximum size of one source. */
  readonly maxBytes: number;
  readonly timeoutSeconds: number;
}

/**
 * `until` is RFC 3339 or `latest`. `timezone` is the IANA name of the zone whose days gates and
 * canaries count.
 */
export interface TimeSpec {
  readonly column: string;
  readonly window: CalendarDuration;
  readonly until: string;
  readonly timezone: string;
}

export interface TrainSpec {
  readonly trainer: string;
  /** Null: derived from the label's type. */
  readonly task: Task | null;
  readonly params: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly compute: ComputeSpec;
}

export interface PromoteSpec {
  readonly approval: {
    readonly required: number;
    readonly role: 'approver' | 'admin';
    readonly timeoutSeconds: number;
    /** Whether the key that started a run may approve it. */
    readonly allowStarter: boolean;
  };
}

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
    /** In the unit of the metric. */
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
  /** In event time. */
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

export interface ScheduleSpec {
  /** A cron expression with five fields. */
  readonly cron: string;
  /** An IANA name. */
  readonly timezone: string;
  readonly overlap: 'skip' | 'bufferOne' | 'cancelOther' | 'allowAll';
  /** The longest delay after which a missed start is still made. */
  readonly catchupSeconds: number;
  readonly jitterSeconds: number;
  readonly paused: boolean;
}
