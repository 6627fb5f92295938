import { asymptoticRadius } from '../../statistics/asymptotic-sequence';
import { minBlockRows, type Tolerance } from '../tolerance';
import { addSums, meanIn, noSums, varianceIn, type ValueSums } from './value-sums';

/**
 * Whether the mean of a number has jumped: changed within hours by more than a tolerance. A feature
 * may drift over days as far as it likes, as the weather does, and still not jump.
 *
 * The hypothesis is that between two hours of event time, the mean changes by no more than the
 * tolerance of their span. The difference of the two means, less the width of a confidence sequence
 * of each, exceeds the tolerance with a probability of at most `alpha`, however often the newest hour
 * is looked at. An hour is compared with two earlier ones, because a change in the middle of an hour
 * shows in full only against the hour before that one.
 */
export interface JumpReference {
  /** Mean variance of the positions in an hour. */
  readonly variance: number;
  readonly spans: Readonly<Record<JumpSpan, SpanReference>>;
}

export interface SpanReference {
  /** Tolerance in positions (`ValueSums`). */
  readonly tolerance: Tolerance;
  /** The largest change in the reference, in positions; null without comparable hours. */
  readonly largest: number | null;
}

/** `near`: at most two hours apart. `far`: at most twelve, with few requests in between. */
export const jumpSpans = ['near', 'far'] as const;
export type JumpSpan = (typeof jumpSpans)[number];

/** Requests of one hour. */
export interface HourSums extends ValueSums {
  /** Hours since 1970. */
  readonly hour: number;
}

/** Plain JSON. */
export interface JumpState {
  readonly newest: HourSums | null;
  /** The last two hours with enough requests before the newest, the older one first. */
  readonly earlier: readonly HourSums[];
  /** Hours before it are compared with no later one, because the mean jumped back in the last. */
  readonly from: number;
  readonly alarm: JumpAlarm | null;
  /** Number of alarms so far. */
  readonly raised: number;
}

export interface JumpAlarm {
  readonly span: JumpSpan;
  /** The hour in which the mean was last as before, and the one that raised the alarm. */
  readonly fromHour: number;
  readonly hour: number;
  /** Mean positions. */
  readonly before: number;
  readonly after: number;
}

export const emptyJump: JumpState = {
  newest: null,
  earlier: [],
  from: 0,
  alarm: null,
  raised: 0,
};

/** An hour is compared with this many before it. */
export const earlierHours = 2;
const maxHours = { near: 2, far: 12 } as const;
/** By then, the feature may have drifted so far that the mean before the jump says nothing. */
const maxAlarmHours = 7 * 24;
/** The variance of the reference counts like this many rows, since a few rows may be too alike. */
const priorRows = 20;

interface HourBatch {
  readonly hour: number;
  readonly sums: ValueSums;
  /** The probability of a false alarm in one hour. */
  readonly alpha: number;
}

/** Rows of an hour before the newest are too late, and leave the state as it is. */
export function addToJump(
  state: JumpState,
  reference: JumpReference,
  { hour, sums, alpha }: HourBatch,
): JumpState {
  if (sums.rows === 0 || hour < (state.newest?.hour ?? -Infinity)) return state;
  const open = state.newest?.hour === hour ? state : openHour(state, hour);
  const newest = { ...addSums(open.newest ?? noSums, sums), hour };
  const next = { ...open, newest };
  if (newest.rows < minBlockRows) return next;
  return next.alarm === null
    ? withAlarm(next, newest, reference, alpha)
    : withoutAlarm(next, newest, next.alarm, reference, alpha);
}

function openHour({ newest, ...state }: JumpState, hour: number): JumpState {
  const { earlier, from, alarm } = state;
  const isCompared = newest !== null && newest.rows >= minBlockRows && newest.hour >= from;
  return {
    ...state,
    newest: null,
    earlier: isCompared ? [...earlier, newest].slice(-earlierHours) : earlier,
    alarm: alarm !== null && hour - alarm.hour >= maxAlarmHours ? null : alarm,
  };
}

/** Of both hours that the newest may have jumped from, the alarm names the larger change. */
function withAlarm(
  state: JumpState,
  newest: HourSums,
  reference: JumpReference,
  alpha: number,
): JumpState {
  const after = meanIn(newest);
  let alarm: JumpAlarm | null = null;
  for (const each of state.earlier) {
    const span = findSpan(each.hour, newest.hour);
    const tolerance = span && reference.spans[span].tolerance.value;
    if (span === null || tolerance === null) continue;
    if (surelyChanged(each, newest, reference, alpha) <= tolerance) continue;
    const before = meanIn(each);
    if (alarm === null || Math.abs(after - before) > Math.abs(after - alarm.before))
      alarm = { span, fromHour: each.hour, hour: newest.hour, before, after };
  }
  return alarm === null ? state : { ...state, alarm, raised: state.raised + 1 };
}

/** A slow change does not end an alarm, since features drift by nature. */
function withoutAlarm(
  state: JumpState,
  newest: HourSums,
  alarm: JumpAlarm,
  reference: JumpReference,
  alpha: number,
): JumpState {
  const later = state.earlier.filter(({ hour }) => hour >= alarm.hour);
  const isOver =
    isBrief(alarm, newest, later) ||
    later.some((each) => hasJumpedBack(alarm, each, newest, reference, alpha));
  if (isOver) return { ...state, earlier: [], from: newest.hour + 1, alarm: null };
  // The hour that raised it may hold rows from before the jump.
  const now = meanIn(newest);
  const isLarger = (now - alarm.after) * (alarm.after - alarm.before) > 0;
  return isLarger && newest.hour <= alarm.hour + 1
    ? { ...state, alarm: { ...alarm, after: now } }
    : state;
}

/** In the next two hours, the mean is closer to where it was before than to where it went. */
function isBrief(
  { before, after, hour }: JumpAlarm,
  newest: HourSums,
  later: readonly HourSums[],
): boolean {
  const isSoon = later.some((each) => each.hour === hour) && findSpan(hour, newest.hour) !== null;
  const now = meanIn(newest);
  return isSoon && Math.abs(now - before) < Math.abs(now - after);
}

function hasJumpedBack(
  { before, after }: JumpAlarm,
  earlier: HourSums,
  newest: HourSums,
  reference: JumpReference,
  alpha: number,
): boolean {
  if ((meanIn(newest) - meanIn(earlier)) * (after - before) >= 0) return false;
  const { near, far } = reference.spans;
  const isNear = findSpan(earlier.hour, newest.hour) === 'near';
  const tolerance = (isNear ? null : far.tolerance.value) ?? near.tolerance.value ?? Infinity;
  return surelyChanged(earlier, newest, reference, alpha) > tolerance;
}

/** Null for hours too far apart. */
export function findSpan(before: number, hour: number): JumpSpan | null {
  return jumpSpans.find((span) => hour - before <= maxHours[span]) ?? null;
}

/** By how much the mean has changed at least, in positions; 0 if chance may have changed it. */
function surelyChanged(
  before: ValueSums,
  now: ValueSums,
  { variance }: JumpReference,
  alpha: number,
): number {
  const radius = (sums: ValueSums) => {
    const pooled = (sums.rows * varianceIn(sums) + priorRows * variance) / (sums.rows + priorRows);
    return asymptoticRadius({ rows: sums.rows, variance: pooled }, alpha / (2 * earlierHours));
  };
  return Math.max(0, Math.abs(meanIn(now) - meanIn(before)) - radius(before) - radius(now));
}
