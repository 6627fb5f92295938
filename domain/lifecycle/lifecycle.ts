import type { ArtifactRef, Digest } from '../dataset/artifact';
import type { ComputeKind } from '../training/job';
import type { LlmLifecycleSpec } from '../language/lifecycle/llm-lifecycle';
import type { Task } from '../model/model';
import type { AnswerLoss, AnswerQuality } from '../rollout/judging/answer-quality';
import type { DataContracts } from '../dataset/contract';

export type LifecycleKind = 'ModelLifecycle' | 'LlmLifecycle';

/**
 * A parsed, checked and completed lifecycle: every default is filled in, durations are seconds,
 * sizes are bytes. Made by `lifecycle.schema.ts` alone.
 */
export interface ModelLifecycleSpec {
  readonly kind: 'ModelLifecycle';
  readonly name: string;
  readonly owner: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly data: DataSpec;
  readonly train: TrainSpec;
  readonly evaluate: EvaluateSpec;
  readonly promote: PromoteSpec;
  // Revisions that were applied before these parts existed lack them: ask for truth, not for null.
  readonly tune: TuneSpec | null;
  readonly canary: CanarySpec | null;
  readonly schedule: ScheduleSpec | null;
  readonly notify: readonly NotifySpec[];
}

export type LifecycleSpec = ModelLifecycleSpec | LlmLifecycleSpec;

export type SourceFormat = 'parquet' | 'csv' | 'ndjson';

export interface SourceSpec {
  readonly name: string;
  /** sample:// file:// s3:// https:// dataset://name@alias */
  readonly uri: string;
  readonly format: SourceFormat;
  /** When given, only rows whose column lies in the run's window are ingested. */
  readonly time: string | null;
}

/** A source of a model's lifecycle. */
export interface ModelSource extends SourceSpec {
  /** Path of the contract file; null when the rows are not checked. */
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
  /** Null where the rows have no usable time; then `split` is by a hash. */
  readonly time: TimeSpec | null;
  readonly entity: string | null;
  readonly split: SplitSpec;
  /** Ingestion refuses more than this. */
  readonly maxBytes: number;
  readonly timeoutSeconds: number;
}

/**
 * `until` is RFC 3339 or `latest`. `timezone` is an IANA name: in its days gates and canaries
 * count; a revision that was applied before it existed has none, which is UTC.
 */
export interface TimeSpec {
  readonly column: string;
  readonly window: CalendarDuration;
  readonly until: string;
  readonly timezone?: string;
}

/** What tunes, confirms and judges a model; the rest trains it. */
export type SplitSpec =
  /**
   * Days, counted back from the window's end: holdout last, confirm before it, tuning before that.
   */
  | {
      readonly by: 'time';
      readonly tuningDays: number;
      readonly confirmDays: number;
      readonly holdoutDays: number;
    }
  /**
   * Shares of the rows. A hash of all columns but the label puts each row into its part, so that it
   * stays there when rows are added.
   */
  | ({ readonly by: 'random' } & SplitShares)
  /** Shares of the groups: all rows with one value of `column` are in the same part. */
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
  /** Taken from the label's type when not given. */
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

/** The metrics that judge models of each task. */
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
 * A fixed version of the lifecycle's own model. Each champion may be a little worse than the last
 * by what a margin allows; against a fixed one that does not add up.
 */
export interface AnchorVersion {
  readonly version: number;
}

export type GateSpec =
  | {
      readonly name: string;
      readonly kind: 'threshold';
      readonly metric: MetricName;
      readonly min: number | null;
      readonly max: number | null;
      readonly confidence: number;
    }
  | {
      readonly name: string;
      readonly kind: 'nonInferiority' | 'superiority';
      readonly metric: MetricName;
      readonly against: 'champion' | 'baseline' | AnchorVersion;
      readonly whenAbsent: WhenAbsent;
      readonly margin: number;
      readonly confidence: number;
    }
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
    /**
     * Whether the key that started a run may approve it. Absent in revisions from before there was
     * the choice.
     */
    readonly allowStarter?: boolean;
  };
}

/**
 * A search for better parameters than `train.params`; a parameter outside `space` keeps its value
 * of there.
 */
export interface TuneSpec {
  /** Of the tuning slice. */
  readonly metric: MetricName;
  readonly direction: 'minimize' | 'maximize';
  readonly trials: number;
  readonly parallel: number;
  readonly sampler: 'tpe' | 'random';
  readonly pruner: 'hyperband' | 'none';
  readonly space: Readonly<Record<string, ParameterRange>>;
  readonly seed: number;
  /** Wall seconds of the whole study, whatever interrupts it; null is no limit. */
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

/** Metrics that are a mean over rows, so that one request has a loss of its own. */
export const rowLosses = ['logloss', 'brier', 'mae'] as const satisfies readonly MetricName[];
export type RowLoss = (typeof rowLosses)[number];

/**
 * A release under watch: how traffic moves to the challenger, what must hold, and how sure to be.
 */
export interface CanarySpec {
  /**
   * Percent of entities, rising. 0 is shadow: the challenger scores every request and answers none.
   */
  readonly steps: readonly number[];
  readonly quality: {
    readonly metric: RowLoss | AnswerLoss;
    readonly rule: 'nonInferiority' | 'superiority';
    /** In units of the metric. */
    readonly margin: number;
    /**
     * The greatest loss of one row that counts, for a loss that has no bound of its own (`mae`);
     * null otherwise.
     */
    readonly bound: number | null;
    /**
     * The difference from which traffic alone ends the rollout while people are answered, where
     * days are asked about; four margins where it is not given.
     */
    readonly largeHarm?: number;
    /** Of a language application, whose metric is an `AnswerLoss`. */
    readonly answers?: AnswerQuality;
  };
  readonly guardrails: readonly GuardrailSpec[];
  readonly test: {
    readonly kind: 'alwaysValid';
    readonly alpha: number;
    readonly minSamples: number;
    readonly minDurationSeconds: number;
    /**
     * What a day's difference is taken to share with the day before, from 0 to 0.9; 0.4 where it is
     * not given.
     */
    readonly dayCorrelation?: number;
  };
  /** IANA; in its days weeks are counted. UTC where it is not given. */
  readonly timezone?: string;
  /** Event time. */
  readonly maxDurationSeconds: number;
  /**
   * Wall-clock time without a request after which the rollout ends undecided; a week where it is
   * not given.
   */
  readonly maxIdleSeconds?: number;
  /** What happens when `maxDuration` or `maxIdle` is over and nothing is decided. */
  readonly onInconclusive: 'rollback' | 'hold';
}

/**
 * `errors`: at most this share of the challenger's requests fails. `latency_ms`: at most the share
 * 1 − quantile takes longer than `max`. Of a language application also `first_token_ms`, until the
 * first piece of a stream; `tokens`, of prompt and answer; `blocked`, the share that its safety
 * policy or its provider's filter keeps back; `format`, the share that is not the JSON that it
 * promised.
 */
export type GuardrailSpec =
  | { readonly name: 'errors' | 'blocked' | 'format'; readonly max: number }
  | {
      readonly name: 'latency_ms' | 'first_token_ms' | 'tokens';
      readonly quantile: number;
      readonly max: number;
    };

export interface ScheduleSpec {
  /** Five fields. */
  readonly cron: string;
  /** IANA. */
  readonly timezone: string;
  readonly overlap: 'skip' | 'bufferOne' | 'cancelOther' | 'allowAll';
  /** How late a start that was missed is still made. */
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

/** Where a secret is, never the secret; resolved inside activities. */
export type SecretRef = { readonly env: string } | { readonly file: string };

/**
 * What `apply` pins: the spec and the files it names, as one immutable revision. Its digest is over
 * canonical JSON of `{ spec, files: {path: digest} }`.
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
