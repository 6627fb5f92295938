import type { TuneSpec } from '../tuning/tune-spec';
import type { SourceFormat } from '../dataset/source-uri';
import type { ComputeSpec } from '../training/job';
import type { Task } from '../model/model';
import type { ProgramSpec } from './sections/program';
import type { ComputeBudget } from '../cost/compute-budget';
import type { CalendarDuration } from '../duration';
import type { SplitSpec } from '../dataset/split';
import type { EvaluateSpec } from '../decision/gate-spec';
import type { TriggersSpec } from './sections/triggers';
import type { MonitorSpec } from './sections/monitor-spec';
import type { NotifySpec } from '../notification/notification';
import type { CanarySpec } from '../rollout/canary';
import type { LabelSpec } from '../dataset/label';

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
  readonly label: LabelSpec;
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
