import type { RunId } from '../ids';
import type { RunStatus } from '../run/run';
import { brokenText } from './broken-data';
import type { RunFindings } from './ended-run';
import {
  maxHoldSeconds,
  type AlarmRuns,
  type BrokenData,
  type DataHold,
  type RetrainingAnswer,
  type RetrainingCause,
  type RetrainingCauseKind,
  type RetrainingRules,
  type RetrainingState,
} from './retraining';

export type RetrainingEvent =
  | {
      readonly kind: 'requested';
      readonly cause: RetrainingCause;
      readonly at: string;
      /** An open run of the lifecycle that was not started automatically. */
      readonly otherRun: RunId | null;
    }
  /** The schedule fires. `allowsOpenRun`: its run may start beside an open one. */
  | { readonly kind: 'scheduled'; readonly allowsOpenRun: boolean }
  /** The time of a queued run may have come. */
  | { readonly kind: 'due'; readonly at: string; readonly otherRun: RunId | null }
  | ({
      readonly kind: 'ended';
      readonly runId: RunId;
      readonly status: RunStatus;
      /** False also for a run that succeeded and found its model to be the champion already. */
      readonly released: boolean;
      readonly at: string;
    } & RunFindings)
  /** What the newest look of the monitor shows. */
  | {
      readonly kind: 'observed';
      /** Whether an open alarm calls for a run. */
      readonly callsForRun: boolean;
      /** Whether the requests are broken. */
      readonly isBroken: boolean;
    }
  /** A person resolved the incident that stopped all these runs, or those for alarms. */
  | { readonly kind: 'resumed'; readonly of: StoppedRuns }
  /** A person resolved the incident that names the broken data. */
  | { readonly kind: 'released' };

/** `all`: automatic and scheduled runs. */
type StoppedRuns = 'all' | 'alarms';

export type RetrainingEffect =
  | { readonly kind: 'start'; readonly cause: RetrainingCause }
  /** Opens the run whose workflow the schedule has started. */
  | { readonly kind: 'open' }
  | { readonly kind: 'cancel'; readonly runId: RunId; readonly cause: RetrainingCause }
  /** Raises the incident that names the broken data. */
  | { readonly kind: 'hold'; readonly data: DataHold }
  /** `isOverdue`: the hold has lasted for as long as it may. */
  | { readonly kind: 'release'; readonly data: BrokenData; readonly isOverdue?: true }
  /** Raises the incident that a person must resolve. */
  | { readonly kind: 'stop'; readonly of: StoppedRuns; readonly fruitless: number }
  /** Resolves the incident of the stop of runs for alarms. */
  | { readonly kind: 'resume' };

interface RetrainingStep {
  readonly state: RetrainingState;
  readonly effects: readonly RetrainingEffect[];
  /** Null for events without a caller that waits for an answer. */
  readonly answer: RetrainingAnswer | null;
}

/** The longest wait after fruitless runs. */
const maxBackOffSeconds = 30 * 86_400;

/**
 * The brakes of automatic and scheduled runs. The caller executes `effects` in the transaction that
 * stores `state`; after `start` and `open` it stores the new run with `startedRetraining`.
 */
export function changeRetraining(
  state: RetrainingState,
  event: RetrainingEvent,
  rules: RetrainingRules,
): RetrainingStep {
  const ended = 'at' in event ? endOverdueHold(state, event.at) : keepState(state);
  const step = applyEvent(ended.state, event, rules);
  return { ...step, effects: [...ended.effects, ...step.effects] };
}

function applyEvent(
  state: RetrainingState,
  event: RetrainingEvent,
  rules: RetrainingRules,
): RetrainingStep {
  switch (event.kind) {
    case 'requested':
      return request(state, event, rules);
    case 'scheduled':
      return schedule(state, event);
    case 'due':
      return canStart(state, event) ? start(state, state.queued) : keepState(state);
    case 'ended':
      return event.runId === state.run ? end(state, event, rules) : keepState(state);
    case 'resumed':
      return keepState(
        event.of === 'alarms'
          ? withoutAlarmRuns(state)
          : { ...state, stopped: false, fruitless: 0, notBefore: null },
      );
    case 'observed':
      return observeAlarm(state, event);
    case 'released':
      return releaseHold(state);
  }
}

/**
 * The state after the effect `start` or `open`. A scheduled run may end its window before a queued
 * request, so this one stays queued. A run beside an open one is not counted.
 */
export function startedRetraining(
  state: RetrainingState,
  {
    runId,
    at,
    by,
  }: {
    readonly runId: RunId;
    readonly at: string;
    readonly by: RetrainingCauseKind | 'schedule';
  },
): RetrainingState {
  if (state.run !== null) return state;
  const started: RetrainingState = { ...state, run: runId, startedAt: at };
  return by === 'schedule'
    ? { ...started, isScheduled: true }
    : { ...started, startedBy: by, queued: null, replaced: null };
}

/** When a queued run may start; null if none is queued or its time is not known yet. */
export function retrainingDueAt(state: RetrainingState, now: string): string | null {
  if (state.queued === null || state.run !== null || state.hold !== null || state.stopped)
    return null;
  return earliestStart(state, state.queued.kind) ?? now;
}

/**
 * An alarm that has held runs for as long as it may stays open, but holds none until it has ended.
 */
function endOverdueHold(state: RetrainingState, at: string): RetrainingStep {
  const { hold } = state;
  const isOverdue = (data: { readonly until?: string } | undefined) =>
    data?.until !== undefined && Date.parse(data.until) <= Date.parse(at);
  if (hold === null) return keepState(state);
  const isAlarmOver = isOverdue(hold.shownBy === 'alarm' ? hold : hold.alarm);
  const over: RetrainingState = isAlarmOver ? { ...state, isAlarmHoldOver: true } : state;
  const { alarm, ...alone } = hold;
  const rest = alarm === undefined || isAlarmOver ? alone : hold;
  if (!isOverdue(hold)) return keepState({ ...over, hold: rest });
  const step = releaseHold({ ...over, hold: rest });
  return { ...step, effects: [{ kind: 'release', data: hold, isOverdue: true }, ...step.effects] };
}

/** Null if a run for this cause may start at any time. */
export function earliestStart(
  { notBefore, alarmRuns }: RetrainingState,
  kind: RetrainingCauseKind,
): string | null {
  return isOfAlarm(kind) && alarmRuns ? later(notBefore, alarmRuns.notBefore) : notBefore;
}

function isOfAlarm(kind: RetrainingCauseKind): boolean {
  return kind === 'drift' || kind === 'quality';
}

function withoutAlarmRuns({ alarmRuns: _, ...state }: RetrainingState): RetrainingState {
  return state;
}

function request(
  state: RetrainingState,
  event: Extract<RetrainingEvent, { readonly kind: 'requested' }>,
  { runStrategy }: RetrainingRules,
): RetrainingStep {
  const { at } = event;
  const isHeldByAlarm = event.cause.brokenData !== null && !state.isAlarmHoldOver;
  const cause = isHeldByAlarm ? event.cause : { ...event.cause, brokenData: null };
  const { brokenData } = cause;
  if (brokenData !== null) {
    const held: RetrainingState = { ...state, queued: ofData(state.queued) };
    const until = after(at, maxHoldSeconds);
    // The end of an alarm says nothing of data that a contract has refused.
    if (state.hold?.shownBy === 'contract') {
      const { alarm } = state.hold;
      const both: DataHold = {
        ...state.hold,
        alarm: { ...brokenData, until: alarm?.until ?? until },
      };
      return {
        ...keepState({ ...held, hold: both }),
        answer: { kind: 'held', why: heldBy(both) },
      };
    }
    const hold: DataHold = {
      ...brokenData,
      shownBy: 'alarm',
      until: state.hold?.until ?? until,
    };
    return {
      state: { ...held, hold },
      effects: [{ kind: 'hold', data: hold }],
      answer: { kind: 'held', why: heldBy(hold) },
    };
  }
  // New data wait for a person or for the end of a hold. An alarm shows again at the next look.
  const waits = runStrategy !== 'skip' && ofData(cause) !== null && ofData(state.queued) === null;
  const kept: RetrainingState = waits ? { ...state, queued: cause } : state;
  if (state.hold !== null && !endsHold(cause, state.hold))
    return { ...keepState(kept), answer: { kind: 'held', why: heldBy(state.hold) } };
  const effects: readonly RetrainingEffect[] =
    state.hold === null ? [] : [{ kind: 'release', data: state.hold }];
  const hold = cause.kind === 'data' ? null : holdAfter(state.hold);
  if (hold !== null)
    return {
      state: { ...kept, hold },
      effects: [...effects, { kind: 'hold', data: hold }],
      answer: { kind: 'held', why: heldBy(hold) },
    };
  const free: RetrainingState = { ...state, hold: null };
  const addEffects = (next: RetrainingStep): RetrainingStep => ({
    ...next,
    effects: [...effects, ...next.effects],
  });
  if (free.stopped)
    return addEffects({
      ...keepState({ ...free, queued: kept.queued }),
      answer: { kind: 'stopped', why: stoppedBy(free) },
    });
  if (isOfAlarm(cause.kind) && free.alarmRuns?.stopped)
    return addEffects({
      ...keepState(free),
      answer: { kind: 'stopped', why: alarmsStoppedBy(free.alarmRuns) },
    });
  const obstacle = findObstacle(free, { ...event, cause });
  if (obstacle === null) return addEffects(start(free, cause));
  if (runStrategy === 'skip')
    return addEffects({ ...keepState(free), answer: { kind: 'skipped', why: obstacle } });
  // New data outlast an alarm, which may end before the queued run starts.
  const outlasts = ofData(free.queued) === null && ofData(cause) !== null;
  if (free.queued !== null && outlasts)
    return addEffects({
      ...keepState({ ...free, queued: cause }),
      answer: { kind: 'queued', why: obstacle },
    });
  if (free.queued !== null)
    return addEffects({
      ...keepState(free),
      answer: { kind: 'skipped', why: `a run is queued already; ${obstacle}` },
    });
  const queued: RetrainingState = { ...free, queued: cause };
  const answer: RetrainingAnswer = { kind: 'queued', why: obstacle };
  if (runStrategy === 'queue' || free.run === null || free.isScheduled)
    return addEffects({ state: queued, effects: [], answer });
  return addEffects({
    state: { ...queued, replaced: free.run, notBefore: at },
    effects: [{ kind: 'cancel', runId: free.run, cause }],
    answer: { kind: 'queued', why: `${free.run} is cancelled and replaced` },
  });
}

/**
 * A schedule has its own pace, so no cool-down delays it, and its next time follows anyway, so it is
 * not queued. The contract of its run checks refused data again before anything is trained.
 */
function schedule(
  state: RetrainingState,
  { allowsOpenRun }: Extract<RetrainingEvent, { readonly kind: 'scheduled' }>,
): RetrainingStep {
  const { stopped, hold, run } = state;
  const refuseRequest = (kind: RetrainingAnswer['kind'], why: string): RetrainingStep => ({
    ...keepState(state),
    answer: { kind, why },
  });
  if (stopped) return refuseRequest('stopped', stoppedBy(state));
  const alarm = hold?.shownBy === 'alarm' ? hold : hold?.alarm;
  if (alarm !== undefined)
    return refuseRequest(
      'held',
      `no scheduled run starts while ${brokenText(alarm)}: ${alarm.problem}`,
    );
  if (run !== null && !allowsOpenRun) return refuseRequest('skipped', `${run} is open`);
  return { state, effects: [{ kind: 'open' }], answer: { kind: 'started', why: 'scheduled' } };
}

/** What an alarm held or queued ends with it. */
function observeAlarm(
  { isAlarmHoldOver, ...seen }: RetrainingState,
  { callsForRun, isBroken }: Extract<RetrainingEvent, { readonly kind: 'observed' }>,
): RetrainingStep {
  const state: RetrainingState = isBroken && isAlarmHoldOver ? { ...seen, isAlarmHoldOver } : seen;
  const { hold, queued } = state;
  const kept = callsForRun || state.replaced !== null ? queued : ofData(queued);
  if (hold === null || isBroken) return keepState({ ...state, queued: kept });
  if (hold.shownBy === 'alarm')
    return {
      state: { ...state, hold: null, queued: kept },
      effects: [{ kind: 'release', data: hold }],
      answer: null,
    };
  const { alarm: _, ...byContract } = hold;
  return keepState({ ...state, hold: byContract, queued: kept });
}

/** A person who resolves the incident of a contract does not end an open alarm. */
function releaseHold(state: RetrainingState): RetrainingStep {
  const hold = holdAfter(state.hold);
  return {
    state: { ...state, hold },
    effects: hold === null ? [] : [{ kind: 'hold', data: hold }],
    answer: null,
  };
}

/** What still holds runs when this hold ends, unless new data arrived. */
function holdAfter(hold: DataHold | null): DataHold | null {
  return hold?.alarm === undefined ? null : { ...hold.alarm, shownBy: 'alarm' };
}

/**
 * A new version of the data ends each hold. Otherwise, an event may announce what the contract will
 * check again, and the monitor knows of requests but not of the tables.
 */
function endsHold({ kind }: RetrainingCause, { shownBy }: DataHold): boolean {
  if (kind === 'data') return true;
  return kind === 'event' ? shownBy === 'contract' : shownBy === 'alarm';
}

/** A queued run for new data, which remains when an alarm ends or is due to broken data. */
function ofData(queued: RetrainingCause | null): RetrainingCause | null {
  return queued?.kind === 'event' || queued?.kind === 'data' ? queued : null;
}

function stoppedBy({ fruitless }: RetrainingState): string {
  return `${fruitless} automatic or scheduled runs were fruitless, without a release between them; a person must resolve the incident`;
}

function alarmsStoppedBy({ fruitless }: AlarmRuns): string {
  return `${fruitless} runs for alarms found no better model, without a release between them; other runs go on, and a person or a release lets alarms start runs again`;
}

function heldBy({ alarm, ...data }: DataHold): string {
  const held = `no automatic run starts while ${brokenText(data)}: ${data.problem}`;
  return alarm === undefined ? held : `${held}; ${brokenText(alarm)} too: ${alarm.problem}`;
}

interface Moment {
  readonly at: string;
  readonly otherRun: RunId | null;
}

/** Why no run for this cause can start now; null if one can. */
function findObstacle(
  state: RetrainingState,
  { at, otherRun, cause }: Moment & { readonly cause: Pick<RetrainingCause, 'kind'> },
): string | null {
  const open = state.run ?? otherRun;
  if (open !== null) return `${open} is open`;
  const earliest = earliestStart(state, cause.kind);
  return earliest !== null && Date.parse(earliest) > Date.parse(at)
    ? `the next ${isOfAlarm(cause.kind) ? 'run for an alarm' : 'automatic run'} may start at ${earliest}`
    : null;
}

function canStart(
  state: RetrainingState,
  moment: Moment,
): state is RetrainingState & { readonly queued: RetrainingCause } {
  const { queued, hold, stopped, alarmRuns } = state;
  if (queued === null || hold !== null || stopped) return false;
  if (isOfAlarm(queued.kind) && alarmRuns?.stopped) return false;
  return findObstacle(state, { ...moment, cause: queued }) === null;
}

function start(state: RetrainingState, cause: RetrainingCause): RetrainingStep {
  return {
    state,
    effects: [{ kind: 'start', cause }],
    answer: { kind: 'started', why: cause.reason },
  };
}

/**
 * A scheduled run can be open during a hold by a contract, which it ends once the contract was
 * checked and met, however the run ended.
 */
function end(
  state: RetrainingState,
  event: Extract<RetrainingEvent, { readonly kind: 'ended' }>,
  rules: RetrainingRules,
): RetrainingStep {
  const step = endRun(state, event, rules);
  const { hold } = state;
  if (hold?.shownBy !== 'contract' || !event.meetsContracts) return step;
  const next = releaseHold(step.state);
  return {
    ...next,
    effects: [{ kind: 'release', data: hold }, ...next.effects, ...step.effects],
  };
}

/**
 * A run that a person or its replacement cancelled says nothing about the next one. Neither does a
 * run that found no better model, unless an alarm started it and would start the next one at once. A
 * run on broken data holds the next run until new data arrive, unless these are queued already.
 */
function endRun(
  { isScheduled, startedBy, ...state }: RetrainingState,
  event: Extract<RetrainingEvent, { readonly kind: 'ended' }>,
  { cooldownSeconds, maxFailures }: RetrainingRules,
): RetrainingStep {
  const { runId, status, released, at, brokenData, showsFault } = event;
  const closed: RetrainingState = { ...state, run: null, lastRun: runId, replaced: null };
  const cooledDown = after(state.startedAt ?? at, cooldownSeconds);
  if (status === 'cancelled') {
    const notBefore = state.replaced === runId ? at : cooledDown;
    return keepState({ ...closed, notBefore });
  }
  if (released)
    return {
      state: { ...withoutAlarmRuns(closed), fruitless: 0, notBefore: cooledDown },
      effects: state.alarmRuns?.stopped ? [{ kind: 'resume' }] : [],
      answer: null,
    };
  if (brokenData !== null) {
    const checked = { ...closed, notBefore: cooledDown };
    if (ofData(state.queued) !== null) return keepState(checked);
    const alarm = state.hold?.shownBy === 'alarm' ? withoutSource(state.hold) : state.hold?.alarm;
    const hold: DataHold = {
      ...brokenData,
      shownBy: 'contract',
      until: after(at, maxHoldSeconds),
      ...(alarm && { alarm }),
    };
    return {
      state: { ...checked, queued: null, hold },
      effects: [{ kind: 'hold', data: hold }],
      answer: null,
    };
  }
  if (!showsFault) {
    const rested = { ...closed, notBefore: later(state.notBefore, cooledDown) };
    if (isScheduled || startedBy === 'event' || startedBy === 'data') return keepState(rested);
    const fruitless = (state.alarmRuns?.fruitless ?? 0) + 1;
    const stopped = fruitless >= maxFailures;
    const alarmRuns = { fruitless, notBefore: backOff(at, fruitless, cooldownSeconds), stopped };
    return {
      state: { ...rested, alarmRuns, queued: stopped ? ofData(state.queued) : state.queued },
      effects: stopped ? [{ kind: 'stop', of: 'alarms', fruitless }] : [],
      answer: null,
    };
  }
  const fruitless = state.fruitless + 1;
  const notBefore = backOff(at, fruitless, cooldownSeconds);
  if (fruitless < maxFailures) return keepState({ ...closed, fruitless, notBefore });
  return {
    state: { ...closed, fruitless, notBefore, queued: ofData(state.queued), stopped: true },
    effects: [{ kind: 'stop', of: 'all', fruitless }],
    answer: null,
  };
}

/** The wait doubles with each fruitless run in a row. */
function backOff(at: string, fruitless: number, cooldownSeconds: number): string {
  return after(at, Math.min(cooldownSeconds * 2 ** (fruitless - 1), maxBackOffSeconds));
}

function withoutSource({
  name,
  problem,
  isSuspected,
  until,
}: DataHold): NonNullable<DataHold['alarm']> {
  return {
    name,
    problem,
    ...(isSuspected && { isSuspected }),
    ...(until !== undefined && { until }),
  };
}

function later(one: string | null, other: string): string {
  return one !== null && Date.parse(one) > Date.parse(other) ? one : other;
}

function after(at: string, seconds: number): string {
  return new Date(Date.parse(at) + seconds * 1000).toISOString();
}

function keepState(state: RetrainingState): RetrainingStep {
  return { state, effects: [], answer: null };
}
