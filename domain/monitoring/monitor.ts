import type { Digest } from '../artifact';
import type { RowLoss } from '../evaluation/metrics/names';
import type { LifecycleSpec } from '../lifecycle/revision';
import type { Task } from '../model/model';
import { defaultMonitor, type MonitorSpec } from '../lifecycle/sections/monitor-spec';

/** `off`: the settings turn the monitor off, or the model has no champion that it could watch. */
export const monitorStatuses = ['watching', 'off'] as const;
export type MonitorStatus = (typeof monitorStatuses)[number];

/** What the monitor of a version goes by: its spec, and what it takes from other sections. */
export interface MonitorSettings extends MonitorSpec {
  readonly task: Task | 'chat';
  /** `caller-loss` for a language application: 1 minus the score that callers give an answer. */
  readonly metric: RowLoss | 'caller-loss';
  /** IANA name of the zone whose days and weeks are blocks. */
  readonly timezone: string;
  /** Event time after which a label is due. */
  readonly availableAfterSeconds: number;
  readonly service: ServiceLimits;
  /** The largest share of due labels that may be missing; null if the lifecycle states none. */
  readonly maxMissing?: number | null;
}

/** A stored monitor may be older than a setting. */
export function withNewSettings(stored: MonitorSettings): MonitorSettings {
  return { ...defaultMonitor, ...stored };
}

/** When a version serves badly, by the guardrails of the canary. */
export interface ServiceLimits {
  /** The largest share of failed requests. */
  readonly maxFailed: number;
  /** Null: slow answers raise no alarm. */
  readonly latency: {
    readonly maxMs: number;
    /** The largest share of requests above `maxMs`. */
    readonly maxSlow: number;
  } | null;
}

/** The champion and the settings of a model as they are now. */
export interface MonitorFacts {
  readonly champion: {
    readonly version: number;
    readonly fencing: number;
    readonly digest: Digest;
    readonly task: Task | 'chat';
  } | null;
  /** Null when the lifecycle was deleted. */
  readonly revision: { readonly revision: number; readonly spec: LifecycleSpec } | null;
  /** What the monitor's row says; null before the first look. */
  readonly watched: {
    readonly version: number;
    readonly fencing: number;
    readonly revision: number;
    readonly status: MonitorStatus;
    readonly settings: MonitorSettings | null;
  } | null;
}
