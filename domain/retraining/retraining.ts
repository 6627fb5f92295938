import type { RunId } from '../ids';
import type { MonitorSpec } from '../lifecycle/sections/monitor-spec';

/** `drift` and `quality`: an alarm of the monitor. `event`: a CloudEvent. `data`: a new version. */
export type RetrainingCauseKind = 'drift' | 'quality' | 'event' | 'data';

export interface RetrainingCause {
  readonly kind: RetrainingCauseKind;
  /** One sentence, for the run and the audit log. */
  readonly reason: string;
  /** The data that caused the change, if they are broken; otherwise null. */
  readonly brokenData: BrokenData | null;
}

export interface BrokenData {
  /** A dataset version such as `flight-delay.flights@3`, or a feature. */
  readonly name: string;
  /** What is wrong with it, as a sentence. */
  readonly problem: string;
  /** Set while the data may as well be right, because the world has changed. */
  readonly isSuspected?: true;
}

/**
 * No hold lasts longer. What an alarm shows for a week may be what requests look like from now on.
 * After the hold of a contract, the contract checks the data of the next run again.
 */
export const maxHoldSeconds = 7 * 86_400;

interface HeldData extends BrokenData {
  /** When the hold ends at the latest; absent in holds that were stored without it. */
  readonly until?: string;
}

/**
 * Broken data and what ends their hold. An alarm holds automatic and scheduled runs, a contract only
 * automatic ones.
 */
export interface DataHold extends HeldData {
  /**
   * `alarm`: the monitor shows broken requests or a jump. The hold ends with its alarm, and by a jump
   * also when this has lasted for a day. `contract`: a run was stopped by the contract of a source.
   * The hold ends with the next event or new data, if these are triggers, with the next scheduled
   * run that meets the contract, or by a person. Both end after `maxHoldSeconds`.
   */
  readonly shownBy: 'alarm' | 'contract';
  /**
   * Broken requests or a jump that the monitor shows during a hold by a contract. They hold the runs
   * after the contract, for as long as they would alone.
   */
  readonly alarm?: HeldData;
}

/** What the lifecycle says of automatic and scheduled runs. */
export type RetrainingRules = Pick<MonitorSpec, 'cooldownSeconds' | 'maxFailures' | 'runStrategy'>;

/**
 * Runs that were started by alarms and found no better model. This says nothing of other runs, so
 * it delays and stops only those for alarms.
 */
export interface AlarmRuns {
  /** Fruitless runs in a row since the last release. */
  readonly fruitless: number;
  /** No run for an alarm starts before this time. */
  readonly notBefore: string;
  /** After too many of them. A person or a release by another run ends it. */
  readonly stopped: boolean;
}

/** The automatic and scheduled runs of one lifecycle. Times are RFC 3339. */
export interface RetrainingState {
  /** The automatic or scheduled run in progress. */
  readonly run: RunId | null;
  /** Set while `run` is one that the schedule started. No trigger cancels such a run. */
  readonly isScheduled?: true;
  /** What started `run`; absent for a scheduled one. */
  readonly startedBy?: RetrainingCauseKind;
  /** The last of these runs that has ended; absent before the first. */
  readonly lastRun?: RunId;
  readonly startedAt: string | null;
  /** No automatic run starts before this time. */
  readonly notBefore: string | null;
  /** The cause of the run that starts next. */
  readonly queued: RetrainingCause | null;
  /** The run that the queued one replaces, and whose cancellation was requested. */
  readonly replaced: RunId | null;
  /** Automatic and scheduled runs with a fault since the last release. */
  readonly fruitless: number;
  /** Absent after a release. */
  readonly alarmRuns?: AlarmRuns;
  /** The data that hold runs; null if none do. */
  readonly hold: DataHold | null;
  /** Set when an alarm has held runs for as long as it may. It holds none until it has ended. */
  readonly isAlarmHoldOver?: true;
  /** True after too many fruitless runs; a person must resolve the incident. */
  readonly stopped: boolean;
}

export const noRetraining: RetrainingState = {
  run: null,
  startedAt: null,
  notBefore: null,
  queued: null,
  replaced: null,
  fruitless: 0,
  hold: null,
  stopped: false,
};

/** What became of a request, with its reason. */
export interface RetrainingAnswer {
  readonly kind: 'started' | 'queued' | 'skipped' | 'held' | 'stopped';
  readonly why: string;
}

/** Keys of the incidents of automatic and scheduled runs. A person who resolves one releases the brake. */
export const retrainingIncidents = {
  stopped: 'retraining-stopped',
  alarmsStopped: 'retraining-alarms-stopped',
  held: 'retraining-held',
} as const;
