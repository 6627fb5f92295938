import type { ArtifactRef, Digest } from '../dataset/artifact';
import type { ComputeKind } from '../training/job';
import type { LlmLifecycleSpec } from '../language/lifecycle/llm-lifecycle';
import type { ClassMetric } from '../evaluation/metrics/multiclass';
import type { Task } from '../model/model';
import type { ProgramSpec } from '../project/program';
import type { AnswerLoss, AnswerQuality } from '../rollout/judging/answer-quality';
import type { DataContracts } from '../dataset/contract';

export type LifecycleKind = 'ModelLifecycle' | 'LlmLifecycle';

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
  readonly schedule: ScheduleSpec | null;
  readonly notify: readonly NotifySpec[];
  /** Absent when the built-in function executes the stages. */
  readonly program?: ProgramSpec;
}

export type LifecycleSpec = ModelLifecycleSpec | LlmLifecycleSpec;

export type SourceFormat = 'parquet' | 'csv' | 'ndjson';

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

/** The parts for tuning, confirmation and the holdout; the remaining rows train the model. */
export type SplitSpec =
  /** Days before the window's end: the holdout is last, then confirm, then tuning before it. */
  | {
      readonly by: 'time';
      readonly tuningDays: number;
      readonly confirmDays: number;
      readonly holdoutDays: number;
    }
  /**
   * Shares of the rows. A hash of all columns but the label assigns each row, so that added rows do
   * not move others.
   */
  | ({ readonly by: 'random' } & SplitShares)
  /** Shares of the groups. All rows with one value of `column` are in the same part. */
  | ({ readonly by: 'group'; readonly column: string } & SplitShares);

export interface SplitShares {
  readonly tuning: number;
  readonly confirm: number;
  readonly holdout: number;
}

/** `6mo` is six calendar months, `30d` thirty days of 24 h. */
export interface CalendarDuration {
  readonly months: number;
  readonly seconds: number;
}

export interface TrainSpec {
  readonly trainer: string;
  /** Null: derived from the label's type. */
  readonly task: Task | null;
  readonly params: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly compute: {
    readonly backend: ComputeKind;
    readonly cpus: number;
    readonly memoryBytes: number;
    readonly timeoutSeconds: number;
    readonly retries: number;
  };
}

export const classificationMetrics = ['logloss', 'auc', 'brier', 'accuracy'] as const;
export const multiclassMetrics = ['logloss', 'accuracy', 'f1_macro', 'f1_weighted'] as const;
export const regressionMetrics = ['rmse', 'mae', 'r2'] as const;
export type MetricName =
  | (typeof classificationMetrics)[number]
  | (typeof multiclassMetrics)[number]
  | (typeof regressionMetrics)[number];

/** The metrics of each task. */
export const metricsOfTask = {
  classification: classificationMetrics,
  multiclass: multiclassMetrics,
  regression: regressionMetrics,
} as const satisfies Record<Task, readonly MetricName[]>;

export interface EvaluateSpec {
  readonly metrics: readonly MetricName[];
  readonly slices: {
    readonly columns: readonly string[];
    readonly metric: MetricName;
    readonly minRows: number;
  } | null;
  readonly gates: readonly GateSpec[];
  /** The reason, when `gates` is empty on purpose. */
  readonly ungated: string | null;
}

export type WhenAbsent = 'baseline' | 'notApplicable';

/**
 * A fixed version of the lifecycle's model. A comparison with it stops small losses from adding up
 * over many champions.
 */
export interface AnchorVersion {
  readonly version: number;
}

/** The metric of a gate. `class` is given exactly for a metric of one class. */
interface GatedMetric {
  readonly metric: MetricName | ClassMetric;
  readonly class?: string | undefined;
}

export type GateSpec =
  | (GatedMetric & {
      readonly name: string;
      readonly kind: 'threshold';
      readonly min: number | null;
      readonly max: number | null;
      readonly confidence: number;
    })
  | (GatedMetric & {
      readonly name: string;
      readonly kind: 'nonInferiority' | 'superiority';
      readonly against: 'champion' | 'baseline' | AnchorVersion;
      readonly whenAbsent: WhenAbsent;
      readonly margin: number;
      readonly confidence: number;
    })
  | {
      readonly name: string;
      readonly kind: 'slice';
      readonly against: 'champion' | 'baseline' | AnchorVersion;
      readonly whenAbsent: WhenAbsent;
      readonly maxIncrease: number;
      readonly confidence: number;
    }
  | {
      readonly name: string;
      readonly kind: 'parity';
      readonly rows: number;
      readonly tolerance: number;
      readonly minShare: number;
    };

export interface PromoteSpec {
  readonly approval: {
    readonly required: number;
    readonly role: 'approver' | 'admin';
    readonly timeoutSeconds: number;
    /** Whether the key that started a run may approve it. */
    readonly allowStarter: boolean;
  };
}

/** A search for better parameters. A parameter outside `space` keeps its `train.params` value. */
export interface TuneSpec {
  /** Measured on the tuning part. */
  readonly metric: MetricName;
  readonly direction: 'minimize' | 'maximize';
  readonly trials: number;
  readonly parallel: number;
  readonly sampler: 'tpe' | 'random';
  readonly pruner: 'hyperband' | 'none';
  readonly space: Readonly<Record<string, ParameterRange>>;
  readonly seed: number;
  /** Wall-clock seconds of the whole study; null is no limit. */
  readonly budgetSeconds: number | null;
}

export type ParameterRange =
  | {
      readonly kind: 'int';
      readonly low: number;
      readonly high: number;
      readonly step: number;
      readonly log: boolean;
    }
  | {
      readonly kind: 'float';
      readonly low: number;
      readonly high: number;
      readonly step: number | null;
      readonly log: boolean;
    }
  | { readonly kind: 'categorical'; readonly choices: readonly (string | number | boolean)[] };

/** Metrics that are a mean over rows, so that each request has a loss. */
export const rowLosses = ['logloss', 'brier', 'mae'] as const satisfies readonly MetricName[];
export type RowLoss = (typeof rowLosses)[number];

/** A rollout: its steps, the quality and guardrails it needs, and its statistical test. */
export interface CanarySpec {
  /**
   * Percent of entities, increasing. 0 is shadow: the challenger scores every request, and its
   * answers are not returned.
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
    /** Only for a language application, whose metric is an `AnswerLoss`. */
    readonly answers?: AnswerQuality;
  };
  readonly guardrails: readonly GuardrailSpec[];
  readonly test: {
    readonly kind: 'alwaysValid';
    readonly alpha: number;
    readonly minSamples: number;
    readonly minDurationSeconds: number;
    /** The assumed correlation of one day's difference with the day before, 0 to 0.9. */
    readonly dayCorrelation: number;
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

export const notifyEvents = [
  'run.succeeded',
  'run.stopped',
  'run.failed',
  'run.cancelled',
  'run.lost',
  'run.waiting',
  'rollout.started',
  'rollout.advanced',
  'rollout.held',
  'rollout.promoted',
  'rollout.rolled_back',
  'rollout.aborted',
  'rollout.superseded',
  'model.promoted',
  'model.promotion_overridden',
  'model.rolled_back',
  'schedule.skipped',
  'lifecycle.loosening_proposed',
  'lifecycle.loosening_accepted',
  'lifecycle.loosening_rejected',
] as const;
export type NotifyEvent = (typeof notifyEvents)[number];

export interface NotifySpec {
  readonly webhook: string;
  readonly secret: SecretRef;
  readonly events: readonly NotifyEvent[];
}

/** The place of a secret, never its value. Activities read it. */
export type SecretRef = { readonly env: string } | { readonly file: string };

/**
 * One immutable revision: the spec and the files that it names. Its digest is over the canonical
 * JSON of `{ spec, files: {path: digest} }`.
 */
export interface LifecycleRevision {
  readonly lifecycle: string;
  readonly revision: number;
  readonly digest: Digest;
  readonly spec: LifecycleSpec;
  readonly files: Readonly<Record<string, ArtifactRef>>;
  /** Parsed from the contract files at apply time. */
  readonly contracts: DataContracts;
}
