import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import type { MonitorFacts, MonitorSettings, MonitorStatus } from '../../domain/monitoring/monitor';
import type { ContradictedLabels } from '../../domain/monitoring/observation/contradicted-labels';
import type {
  FallbackState,
  LabelCursor,
} from '../../domain/monitoring/observation/fallback-state';
import type { FeatureDrift } from '../../domain/monitoring/drift-results';
import type {
  LiveQualityResult,
  MonitorResults,
  RefusedRequests,
} from '../../domain/monitoring/observation/monitor-results';
import type { MonitorState } from '../../domain/monitoring/observation/monitor-state';
import type {
  FailedHour,
  ObservedLabel,
  ObservedRow,
  InterruptedHour,
  RefusedHour,
} from '../../domain/monitoring/observation/observed';
import type { SkewResult } from '../../domain/monitoring/observation/skew';
import type { VolumeResult } from '../../domain/monitoring/volume/volume';
import type { WindowCounts } from '../../domain/monitoring/observation/window';
import type { Page, PageRequest } from '../page';

export interface MonitoredModel {
  readonly tenant: Tenant;
  readonly model: string;
}

export interface MonitorRecord extends MonitoredModel {
  readonly version: number;
  /** Fencing number of the move that made the version the champion. */
  readonly fencing: number;
  /** Lifecycle revision of the settings. */
  readonly revision: number;
  readonly status: MonitorStatus;
  readonly waitingFor: string | null;
  readonly settings: MonitorSettings | null;
  readonly reference: ArtifactRef | null;
  readonly state: MonitorState;
  readonly results: MonitorResults | null;
  readonly raised: Readonly<Record<string, string>>;
  readonly lookedAt: string | null;
  readonly startedAt: string;
}

export interface MonitorWindow {
  readonly hour: string;
  readonly counts: WindowCounts;
}

/** What is new since the last look. Rows come in the order in which they were stored. */
export interface MonitorBatch {
  readonly rows: readonly ObservedRow[];
  readonly labels: readonly ObservedLabel[];
  readonly failed: readonly FailedHour[];
  readonly interrupted: readonly InterruptedHour[];
  readonly refused: readonly RefusedHour[];
  /** Milliseconds since 1970. */
  readonly wallMs: number;
}

export interface FoldedBatch {
  readonly state: MonitorState;
  readonly results: MonitorResults;
  /** New counts by hour of event time. */
  readonly windows: ReadonlyMap<string, WindowCounts>;
}

export type MonitorLook =
  | {
      readonly kind: 'folded';
      /** Rows of the prediction log that were passed, and labels that were counted. */
      readonly read: number;
      /** False: call again at once. */
      readonly isDrained: boolean;
      readonly monitor: MonitorRecord;
    }
  /** The champion or the settings changed. Nothing was counted. */
  | { readonly kind: 'changed' };

export interface SampledPrediction {
  /** Event time. */
  readonly at: string;
  readonly input: unknown;
  readonly output: unknown;
}

/** A label that the monitor has counted, with the champion's prediction. */
export interface CountedLabel extends ObservedLabel {
  /** Time with microseconds, as the database writes it. */
  readonly monitoredAt: string;
}

/** The figures of a monitor for a metrics page. */
export interface MonitorFigures extends MonitoredModel {
  readonly version: number;
  readonly rows: number;
  readonly secondsSinceLook: number | null;
  readonly quality: Omit<LiveQualityResult, 'history' | 'n' | 'total' | 'since' | 'metric'> | null;
  readonly estimatedLoss: number | null;
  readonly alarms: readonly { readonly kind: string }[];
  readonly drift: readonly Pick<
    FeatureDrift,
    'feature' | 'role' | 'effect' | 'tolerance' | 'bins'
  >[];
  readonly refused: Pick<RefusedRequests, 'rows' | 'requests'> | null;
  /** The largest share of refused requests; null for settings without it. */
  readonly maxRefused: number | null;
  readonly skew: Pick<SkewResult, 'compared' | 'agreeing'> | null;
  /** Null until it was judged, and for results without it. */
  readonly volume: Pick<VolumeResult, 'scales'> | null;
}

/** Monitors of champions, one for each model. */
export interface MonitorRepository {
  /**
   * Models whose monitor has something to look at, or has not looked for minutes. Each is returned
   * at most once in the time between two looks.
   */
  due(input: { readonly limit: number }): Promise<readonly MonitoredModel[]>;
  facts(input: MonitoredModel): Promise<MonitorFacts>;
  /**
   * Starts to watch a version with an empty state. The cursor of the prediction log stays. Repeating
   * the call for the same version and settings starts anew, so it must follow a change.
   */
  begin(
    input: MonitoredModel & {
      readonly version: number;
      readonly fencing: number;
      readonly revision: number;
      readonly settings: MonitorSettings;
      readonly reference: ArtifactRef | null;
      /** What is missing in the reference; null if it is complete. */
      readonly waitingFor: string | null;
    },
  ): Promise<void>;
  /** Deletes hours of charts that are more than a year old. */
  prune(input: MonitoredModel): Promise<void>;
  /** Notes a revision whose settings have the same tests. */
  keep(
    input: MonitoredModel & {
      readonly fencing: number;
      readonly revision: number;
      readonly settings: MonitorSettings;
    },
  ): Promise<void>;
  /** Continues without a reference whose artifact is gone. */
  loseReference(input: MonitoredModel & { readonly digest: Digest }): Promise<void>;
  turnOff(input: MonitoredModel & { readonly why: string }): Promise<void>;
  /**
   * Counts new rows and due labels, at most `limit` of each, in one transaction under the row lock.
   * Each row and label counts once, even after a crash or a repeated call. A row counts only when no
   * open transaction can still store an earlier one. The first label of a prediction counts.
   */
  fold(
    input: MonitoredModel & {
      readonly fencing: number;
      readonly limit: number;
      /** Wall-clock time that labels get to arrive once they are due in event time. */
      readonly settleMs: number;
      readonly fold: (
        state: MonitorState,
        batch: MonitorBatch,
        settings: MonitorSettings,
      ) => FoldedBatch;
    },
  ): Promise<MonitorLook>;
  /** The newest logged requests that the version answered as champion. */
  sample(
    input: MonitoredModel & { readonly version: number; readonly limit: number },
  ): Promise<readonly SampledPrediction[]>;
  noteSkew(
    input: MonitoredModel & { readonly fencing: number; readonly skew: SkewResult },
  ): Promise<void>;
  /**
   * Labels that the monitor counted after the cursor, in that order. Labels of dropped predictions
   * are left out.
   */
  countedLabels(
    input: MonitoredModel & {
      readonly version: number;
      readonly cursor: LabelCursor;
      readonly limit: number;
    },
  ): Promise<readonly CountedLabel[]>;
  /**
   * Keeps the comparison with the former champion. False if the champion moved, no alarm asks for it
   * any more, or another comparison is stored.
   */
  noteFallback(
    input: MonitoredModel & { readonly fencing: number; readonly fallback: FallbackState },
  ): Promise<boolean>;
  /** Notes which alarms were raised as incidents. */
  noteRaised(
    input: MonitoredModel & {
      readonly fencing: number;
      readonly raised: Readonly<Record<string, string>>;
    },
  ): Promise<void>;
  get(input: MonitoredModel): Promise<MonitorRecord | null>;
  /** Sorted by model. */
  list(input: { readonly tenant: Tenant } & PageRequest): Promise<Page<MonitorRecord>>;
  /** Figures of all tenants. */
  figures(): Promise<readonly MonitorFigures[]>;
  /** The newest hours of the watched version, oldest first. */
  windows(
    input: MonitoredModel & { readonly version: number; readonly limit: number },
  ): Promise<readonly MonitorWindow[]>;
  /** Null while event time is not known. */
  contradictedLabels(
    monitor: Pick<MonitorRecord, 'tenant' | 'model' | 'version' | 'state' | 'settings'>,
  ): Promise<ContradictedLabels | null>;
}
