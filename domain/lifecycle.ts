import type { ArtifactRef, Digest } from './artifact';
import type { ComputeKind } from './job';
import type { Task } from './model';
import type { DataContract } from './contract';

/** A parsed, checked and completed lifecycle: every default is filled in, durations are seconds, sizes are bytes. Made by `lifecycle.schema.ts` alone. */
export interface ModelLifecycleSpec {
  readonly kind: 'ModelLifecycle';
  readonly name: string;
  readonly owner: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly data: DataSpec;
  readonly train: TrainSpec;
  readonly evaluate: EvaluateSpec;
  readonly promote: PromoteSpec;
}

export type SourceFormat = 'parquet' | 'csv' | 'ndjson';

export interface SourceSpec {
  readonly name: string;
  /** sample:// file:// s3:// https:// dataset://name@alias */
  readonly uri: string;
  readonly format: SourceFormat;
  /** When given, only rows whose column lies in the run's window are ingested. */
  readonly time: string | null;
}

export interface DataSpec {
  readonly sources: readonly SourceSpec[];
  /** Path of the SQL that joins the sources into request rows + label. */
  readonly assemble: string;
  readonly features: string;
  readonly label: { readonly column: string; readonly availableAfterSeconds: number; readonly dependsOnPrediction: boolean };
  /** `until` is RFC 3339 or `latest`. */
  readonly time: { readonly column: string; readonly window: CalendarDuration; readonly until: string };
  readonly entity: string | null;
  /** Days, counted back from the window's end: holdout last, confirm before it, tuning before that, train the rest. */
  readonly split: { readonly by: 'time'; readonly tuningDays: number; readonly confirmDays: number; readonly holdoutDays: number };
  /** Path of the contract file, if one is named. */
  readonly contract: string | null;
  /** Ingestion refuses more than this. */
  readonly maxBytes: number;
  readonly timeoutSeconds: number;
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
export const regressionMetrics = ['rmse', 'mae', 'r2'] as const;
export type MetricName = (typeof classificationMetrics)[number] | (typeof regressionMetrics)[number];

export interface EvaluateSpec {
  readonly metrics: readonly MetricName[];
  readonly slices: { readonly columns: readonly string[]; readonly metric: MetricName; readonly minRows: number } | null;
  readonly gates: readonly GateSpec[];
  /** The reason, when `gates` is empty on purpose. */
  readonly ungated: string | null;
}

export type WhenAbsent = 'baseline' | 'notApplicable';

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
      readonly against: 'champion' | 'baseline';
      readonly whenAbsent: WhenAbsent;
      readonly margin: number;
      readonly confidence: number;
    }
  | {
      readonly name: string;
      readonly kind: 'slice';
      readonly against: 'champion' | 'baseline';
      readonly whenAbsent: WhenAbsent;
      readonly maxIncrease: number;
      readonly confidence: number;
    }
  | { readonly name: string; readonly kind: 'parity'; readonly rows: number; readonly tolerance: number; readonly minShare: number };

export interface PromoteSpec {
  readonly approval: { readonly required: number; readonly role: 'approver' | 'admin'; readonly timeoutSeconds: number };
}

/** What `apply` pins: the spec and the files it names, as one immutable revision. Its digest is over canonical JSON of `{ spec, files: {path: digest} }`. */
export interface LifecycleRevision {
  readonly lifecycle: string;
  readonly revision: number;
  readonly digest: Digest;
  readonly spec: ModelLifecycleSpec;
  readonly files: Readonly<Record<string, ArtifactRef>>;
  /** Parsed from the contract file at apply time. */
  readonly contract: DataContract | null;
}
