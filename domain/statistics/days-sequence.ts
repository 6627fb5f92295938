import { daysOfWeek } from '../calendar';
import { assumedDayCorrelation, correlationWidening, independentShare } from './day-correlation';
import { studentQuantile } from './distributions';
import type { SequenceBounds } from './mean-sequence';

/** Daily means of a difference, in whole weeks and the open week. Days are calendar day numbers. */
export interface DaysState {
  /** First day of the open week; null before the first whole day. Earlier days do not count. */
  readonly weekFrom: number | null;
  /** Closed weeks. */
  readonly weeks: number;
  /** Counted days of the closed weeks, with the sums of their differences. */
  readonly days: number;
  readonly sum: number;
  readonly sumSquares: number;
  readonly week: WeekTally;
  readonly open: OpenDay | null;
  /** Days before this one are closed. */
  readonly closedBefore: number;
  /** Losses that arrived after their day was closed. They count for the traffic only. */
  readonly late: number;
  /**
   * Differences of the newest counted days in order, from which later rollouts estimate the
   * correlation of days. Absent before the first.
   */
  readonly recent?: readonly number[];
}

/** Closed days of the open week. */
export interface WeekTally {
  readonly days: number;
  readonly sum: number;
  readonly sumSquares: number;
}

export interface OpenDay {
  readonly day: number;
  readonly challenger: Tally;
  readonly champion: Tally;
}

export interface Tally {
  readonly n: number;
  readonly sum: number;
}

const noWeek: WeekTally = { days: 0, sum: 0, sumSquares: 0 };

export const emptyDays: DaysState = {
  weekFrom: null,
  weeks: 0,
  days: 0,
  sum: 0,
  sumSquares: 0,
  week: noWeek,
  open: null,
  closedBefore: 0,
  late: 0,
};

/** Starts counting weeks on this day. */
export function startDaysAt(day: number): DaysState {
  return { ...emptyDays, weekFrom: day, closedBefore: day };
}

/** One arm's loss on a day. */
export interface DayLoss {
  readonly day: number;
  readonly arm: 'challenger' | 'champion';
  readonly loss: number;
  /** Weight of the loss; 1 by default. 0: it changes an earlier loss of the day. */
  readonly n?: number;
}

export function addToDays(state: DaysState, { day, arm, loss, n = 1 }: DayLoss): DaysState {
  const { weekFrom, weeks } = state;
  // Losses before the first whole day count for the traffic only.
  if (weekFrom === null || day < weekFrom - daysOfWeek * weeks) return state;
  if (day < state.closedBefore) return { ...state, late: state.late + 1 };
  const current = closeDaysBefore(state, day);
  const open = current.open ?? { day, challenger: { n: 0, sum: 0 }, champion: { n: 0, sum: 0 } };
  const tally = open[arm];
  return { ...current, open: { ...open, [arm]: { n: tally.n + n, sum: tally.sum + loss } } };
}

/** Closes the days before `day` and the weeks that end by then. */
export function closeDaysBefore(state: DaysState, day: number): DaysState {
  if (state.weekFrom === null || day <= state.closedBefore) return state;
  const { open } = state;
  const closed = open === null || open.day >= day ? state : { ...withDay(state, open), open: null };
  return withWeeksUntil({ ...closed, closedBefore: day }, day);
}

/** A day counts only if both arms have losses on it. */
function withDay(state: DaysState, { challenger, champion }: OpenDay): DaysState {
  if (challenger.n === 0 || champion.n === 0) return state;
  const difference = challenger.sum / challenger.n - champion.sum / champion.n;
  const { days, sum, sumSquares } = state.week;
  return {
    ...state,
    recent: [...(state.recent ?? []), Number(difference.toPrecision(6))].slice(-maxRecentDays),
    week: { days: days + 1, sum: sum + difference, sumSquares: sumSquares + difference ** 2 },
  };
}

/** Leaves out weeks with fewer than five counted days. */
function withWeeksUntil(state: DaysState, day: number): DaysState {
  let { weekFrom, weeks, days, sum, sumSquares, week } = state;
  while (weekFrom !== null && weekFrom + daysOfWeek <= day) {
    weekFrom += daysOfWeek;
    if (week.days >= minDaysOfWeek) {
      days += week.days;
      sum += week.sum;
      sumSquares += week.sumSquares;
    }
    weeks += 1;
    week = noWeek;
  }
  return { ...state, weekFrom, weeks, days, sum, sumSquares, week };
}

/** A quarter of a year: the evidence stays a few kilobytes. */
const maxRecentDays = 91;

/** Five, so that a shop that is closed at weekends also has whole weeks. */
export const minDaysOfWeek = 5;

/**
 * Confidence bounds for the mean over *days*, including future ones, valid at the ends of all whole
 * weeks at once. After k weeks this is Student's t interval of the daily means at the level
 * α/(k(k + 1)). These levels sum to α, so by the union bound it is ever wrong with at most that
 * probability. Days are assumed normal with unknown variance, and `correlationWidening` accounts
 * for their correlation. Days that correlate by more than the usual 0.4 also tell less about their
 * variance, so they count as fewer degrees of freedom. The bounds cannot account for a kind of day
 * that has not occurred yet.
 *
 * Bounds change only at the ends of weeks, so every weekday counts equally, whatever the first day.
 * Fewer looks also make them narrower than bounds for all numbers of days (T. L. Lai, Annals of
 * Statistics 4 (1976)): 1.2 instead of 1.7 standard deviations after one week at α = 3 %.
 *
 * `alpha` is for one side. Null before the first whole week.
 */
export function boundsAcrossDays(
  { weeks, days, sum, sumSquares }: Pick<DaysState, 'weeks' | 'days' | 'sum' | 'sumSquares'>,
  { alpha, correlation }: { readonly alpha: number; readonly correlation: number },
): SequenceBounds | null {
  if (weeks === 0 || days < minDaysOfWeek) return null;
  const mean = sum / days;
  const variance = Math.max(0, sumSquares - days * mean ** 2) / (days - 1);
  const share = Math.min(
    1,
    independentShare(correlation) / independentShare(assumedDayCorrelation),
  );
  const quantile = studentQuantile(
    1 - alpha / (weeks * (weeks + 1)),
    Math.max(1, days * share - 1),
  );
  const half = quantile * Math.sqrt(variance / days) * correlationWidening(correlation);
  return { lower: mean - half, upper: mean + half };
}

/**
 * Forecasts the state after `weeks` in total at the current rate. Null with fewer than two days.
 */
export function daysAfterWeeks(
  state: DaysState,
  weeks: number,
): Pick<DaysState, 'weeks' | 'days' | 'sum' | 'sumSquares'> | null {
  const seen = {
    days: state.days + state.week.days,
    sum: state.sum + state.week.sum,
    sumSquares: state.sumSquares + state.week.sumSquares,
  };
  if (seen.days < 2) return null;
  const passed = state.weeks * daysOfWeek + closedDaysOfWeek(state);
  const times = (weeks * daysOfWeek) / Math.max(seen.days, passed);
  return {
    weeks,
    days: seen.days * times,
    sum: seen.sum * times,
    sumSquares: seen.sumSquares * times,
  };
}

/** Days of the open week that are closed. */
export function closedDaysOfWeek({
  weekFrom,
  closedBefore,
}: Pick<DaysState, 'weekFrom' | 'closedBefore'>): number {
  return weekFrom === null ? 0 : Math.max(0, closedBefore - weekFrom);
}
