import type { RunId } from '../ids';
import type { RunStatus } from '../run/run';
import { brokenText } from './broken-data';
import type { RunFindings } from './ended-run';
import {
  type BrokenData,
  type DataHold,
  type RetrainingAnswer,
  type RetrainingCause,
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
  /** A person resolved the incident that stopped automatic and scheduled runs. */
  | { readonly kind: 'resumed' }
  /** A person resolved the incident that names the broken data. */
  | { readonly kind: 'released' };

export type RetrainingEffect =
  | { readonly kind: 'start'; readonly cause: RetrainingCause }
  /** Opens the run whose workflow the schedule has started. */
  | { readonly kind: 'open' }
  | { readonly kind: 'cancel'; readonly runId: RunId; readonly cause: RetrainingCause }
  /** Raises the incident that names the broken data. */
  | { readonly kind: 'hold'; readonly data: DataHold }
  | { readonly kind: 'release'; readonly data: BrokenData }
  /** Raises the incident that a person must resolve. */
  | { readonly kind: 'stop'; readonly fruitless: number };

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
  switch (event.kind) {
    case 'requested':
      return request(state, event, rules);
    case 'scheduled':
      return schedule(state, event);
    case 'due':
      return canStart(state, event) ? start(state, state.queued) : unchanged(state);
    case 'ended':
      return event.runId === state.run ? end(state, event, rules) : unchanged(state);
    case 'resumed':
      return unchanged({ ...state, stopped: false, fruitless: 0, notBefore: null });
    case 'observed':
      return observed(state, event);
    case 'released':
      return released(state);
  }
}

/**
 * The state after the effect `start` or `open`. A scheduled run may end its window before a queued
 * request, so this one stays queued. A run beside an open one is not counted.
 */
export function startedRetraining(
  state: RetrainingState,
  { runId, at, by }: { readonly runId: RunId; readonly at: string; readonly by: 'start' | 'open' },
): RetrainingState {
  if (state.run !== null) return state;
  const started: RetrainingState = { ...state, run: runId, startedAt: at };
  return by === 'open'
    ? { ...started, isScheduled: true }
    : { ...started, queued: null, replaced: null };
}

/** When a queued run may start; null if none is queued or its time is not known yet. */
export function retrainingDueAt(state: RetrainingState, now: string): string | null {
  if (state.queued === null || state.run !== null || state.hold !== null || state.stopped)
    return null;
  return state.notBefore ?? now;
}

function request(
  state: RetrainingState,
  event: Extract<RetrainingEvent, { readonly kind: 'requested' }>,
  { runStrategy }: RetrainingRules,
): RetrainingStep {
  const { cause, at } = event;
  const { brokenData } = cause;
  if (brokenData !== null) {
    const held: RetrainingState = { ...state, queued: ofData(state.queued) };
    // The end of an alarm says nothing of data that a contract has refused.
    if (state.hold?.shownBy === 'contract') {
      const both: DataHold = { ...state.hold, alarm: brokenData };
      return {
        ...unchanged({ ...held, hold: both }),
        answer: { kind: 'held', why: heldBy(both) },
      };
    }
    const hold: DataHold = { ...brokenData, shownBy: 'alarm' };
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
    return { ...unchanged(kept), answer: { kind: 'held', why: heldBy(state.hold) } };
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
  const answered = (next: RetrainingStep): RetrainingStep => ({
    ...next,
    effects: [...effects, ...next.effects],
  });
  if (free.stopped)
    return answered({
      ...unchanged({ ...free, queued: kept.queued }),
      answer: { kind: 'stopped', why: stoppedBy(free) },
    });
  const obstacle = obstacleOf(free, event);
  if (obstacle === null) return answered(start(free, cause));
  if (runStrategy === 'skip')
    return answered({ ...unchanged(free), answer: { kind: 'skipped', why: obstacle } });
  // New data outlast an alarm, which may end before the queued run starts.
  const outlasts = ofData(free.queued) === null && ofData(cause) !== null;
  if (free.queued !== null && outlasts)
    return answered({
      ...unchanged({ ...free, queued: cause }),
      answer: { kind: 'queued', why: obstacle },
    });
  if (free.queued !== null)
    return answered({
      ...unchanged(free),
      answer: { kind: 'skipped', why: `a run is queued already; ${obstacle}` },
    });
  const queued: RetrainingState = { ...free, queued: cause };
  const answer: RetrainingAnswer = { kind: 'queued', why: obstacle };
  if (runStrategy === 'queue' || free.run === null || free.isScheduled)
    return answered({ state: queued, effects: [], answer });
  return answered({
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
  const refused = (kind: RetrainingAnswer['kind'], why: string): RetrainingStep => ({
    ...unchanged(state),
    answer: { kind, why },
  });
  if (stopped) return refused('stopped', stoppedBy(state));
  const alarm = hold?.shownBy === 'alarm' ? hold : hold?.alarm;
  if (alarm !== undefined)
    return refused('held', `no scheduled run starts while ${brokenText(alarm)}: ${alarm.problem}`);
  if (run !== null && !allowsOpenRun) return refused('skipped', `${run} is open`);
  return { state, effects: [{ kind: 'open' }], answer: { kind: 'started', why: 'scheduled' } };
}

/** What an alarm held or queued ends with it. */
function observed(
  state: RetrainingState,
  { callsForRun, isBroken }: Extract<RetrainingEvent, { readonly kind: 'observed' }>,
): RetrainingStep {
  const { hold, queued } = state;
  const kept = callsForRun || state.replaced !== null ? queued : ofData(queued);
  if (hold === null || isBroken) return unchanged({ ...state, queued: kept });
  if (hold.shownBy === 'alarm')
    return {
      state: { ...state, hold: null, queued: kept },
      effects: [{ kind: 'release', data: hold }],
      answer: null,
    };
  const { alarm: _, ...byContract } = hold;
  return unchanged({ ...state, hold: byContract, queued: kept });
}

/** A person who resolves the incident of a contract does not end an open alarm. */
function released(state: RetrainingState): RetrainingStep {
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

function heldBy({ alarm, ...data }: DataHold): string {
  const held = `no automatic run starts while ${brokenText(data)}: ${data.problem}`;
  return alarm === undefined ? held : `${held}; ${brokenText(alarm)} too: ${alarm.problem}`;
}

type Moment = { readonly at: string; readonly otherRun: RunId | null };

/** Why no run can start now; null if one can. */
function obstacleOf(state: RetrainingState, { at, otherRun }: Moment): string | null {
  const open = state.run ?? otherRun;
  if (open !== null) return `${open} is open`;
  return state.notBefore !== null && Date.parse(state.notBefore) > Date.parse(at)
    ? `the next automatic run may start at ${state.notBefore}`
    : null;
}

function canStart(
  state: RetrainingState,
  moment: Moment,
): state is RetrainingState & { readonly queued: RetrainingCause } {
  const { queued, hold, stopped } = state;
  return queued !== null && hold === null && !stopped && obstacleOf(state, moment) === null;
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
  const next = released(step.state);
  return {
    ...next,
    effects: [{ kind: 'release', data: hold }, ...next.effects, ...step.effects],
  };
}

/**
 * A run that a person or its replacement cancelled says nothing about the next one. Neither does a
 * scheduled run that found no better model, which is normal for a schedule. A run on broken data
 * holds the next run until new data arrive, unless these are queued already.
 */
function endRun(
  { isScheduled, ...state }: RetrainingState,
  event: Extract<RetrainingEvent, { readonly kind: 'ended' }>,
  { cooldownSeconds, maxFailures }: RetrainingRules,
): RetrainingStep {
  const { runId, status, released, at, brokenData, showsFault } = event;
  const closed: RetrainingState = { ...state, run: null, lastRun: runId, replaced: null };
  const cooledDown = after(state.startedAt ?? at, cooldownSeconds);
  if (status === 'cancelled') {
    const notBefore = state.replaced === runId ? at : cooledDown;
    return unchanged({ ...closed, notBefore });
  }
  if (released) return unchanged({ ...closed, fruitless: 0, notBefore: cooledDown });
  if (brokenData !== null) {
    const checked = { ...closed, notBefore: cooledDown };
    if (ofData(state.queued) !== null) return unchanged(checked);
    const alarm = state.hold?.shownBy === 'alarm' ? withoutSource(state.hold) : state.hold?.alarm;
    const hold: DataHold = { ...brokenData, shownBy: 'contract', ...(alarm && { alarm }) };
    return {
      state: { ...checked, queued: null, hold },
      effects: [{ kind: 'hold', data: hold }],
      answer: null,
    };
  }
  if (isScheduled && !showsFault)
    return unchanged({ ...closed, notBefore: later(state.notBefore, cooledDown) });
  const fruitless = state.fruitless + 1;
  const seconds = Math.min(cooldownSeconds * 2 ** (fruitless - 1), maxBackOffSeconds);
  const notBefore = after(at, seconds);
  if (fruitless < maxFailures) return unchanged({ ...closed, fruitless, notBefore });
  return {
    state: { ...closed, fruitless, notBefore, queued: ofData(state.queued), stopped: true },
    effects: [{ kind: 'stop', fruitless }],
    answer: null,
  };
}

function withoutSource({ name, problem, isSuspected }: DataHold): BrokenData {
  return { name, problem, ...(isSuspected && { isSuspected }) };
}

function later(one: string | null, other: string): string {
  return one !== null && Date.parse(one) > Date.parse(other) ? one : other;
}

function after(at: string, seconds: number): string {
  return new Date(Date.parse(at) + seconds * 1000).toISOString();
}

function unchanged(state: RetrainingState): RetrainingStep {
  return { state, effects: [], answer: null };
}
