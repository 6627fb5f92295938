import { daysOfWeek } from '../calendar';
import { correlationWidening } from './day-correlation';
import { studentQuantile } from './distributions';
import type { SequenceBounds } from './mean-sequence';

/**
 * Day means of a difference in whole weeks, and the week that is still open. Days are numbered as a
 * calendar does.
 */
export interface DaysState {
  /**
   * The first day of the week that is open; null before the first whole day is known. Requests of
   * earlier days belong to no day.
   */
  readonly weekFrom: number | null;
  /** Weeks that are over. */
  readonly weeks: number;
  /** Of the weeks that are over. */
  readonly days: number;
  readonly sum: number;
  readonly sumSquares: number;
  readonly week: WeekTally;
  readonly open: OpenDay | null;
  /** Days before this one take nothing more. */
  readonly closedBefore: number;
  /**
   * Losses that came after their day was closed: they belong to the traffic, but no longer to a
   * day.
   */
  readonly late: number;
}

/** Closed days of the week that is open. */
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

export const noDays: DaysState = {
  ...{ weekFrom: null, weeks: 0, days: 0, sum: 0, sumSquares: 0 },
  ...{ week: noWeek, open: null, closedBefore: 0, late: 0 },
};

/** Weeks are counted from this day on. */
export function daysFrom(day: number): DaysState {
  return { ...noDays, weekFrom: day, closedBefore: day };
}

/** One arm's loss on a day. */
export interface DayLoss {
  readonly day: number;
  readonly arm: 'challenger' | 'champion';
  readonly loss: number;
}

export function addToDays(state: DaysState, { day, arm, loss }: DayLoss): DaysState {
  const { weekFrom, weeks } = state;
  // Part of a day is not a day: what came before the first whole one counts for the traffic alone.
  if (weekFrom === null || day < weekFrom - daysOfWeek * weeks) return state;
  if (day < state.closedBefore) return { ...state, late: state.late + 1 };
  const current = closeDaysBefore(state, day);
  const open = current.open ?? { day, challenger: { n: 0, sum: 0 }, champion: { n: 0, sum: 0 } };
  const tally = open[arm];
  return { ...current, open: { ...open, [arm]: { n: tally.n + 1, sum: tally.sum + loss } } };
}

/**
 * Closes the days before `day`, and the weeks that end by then. A day on which either arm had
 * nothing says nothing.
 */
export function closeDaysBefore(state: DaysState, day: number): DaysState {
  if (state.weekFrom === null || day <= state.closedBefore) return state;
  const { open } = state;
  const closed = open === null || open.day >= day ? state : { ...withDay(state, open), open: null };
  return withWeeksUntil({ ...closed, closedBefore: day }, day);
}

function withDay(state: DaysState, { challenger, champion }: OpenDay): DaysState {
  if (challenger.n === 0 || champion.n === 0) return state;
  const difference = challenger.sum / challenger.n - champion.sum / champion.n;
  const { days, sum, sumSquares } = state.week;
  return {
    ...state,
    week: { days: days + 1, sum: sum + difference, sumSquares: sumSquares + difference ** 2 },
  };
}

/**
 * A week with fewer than five days that say something is no week: it is left out, whatever its days
 * say.
 */
function withWeeksUntil(state: DaysState, day: number): DaysState {
  let { weekFrom, weeks, days, sum, sumSquares, week } = state;
  while (weekFrom !== null && weekFrom + daysOfWeek <= day) {
    weekFrom += daysOfWeek;
    if (week.days >= fewestDaysOfWeek) {
      days += week.days;
      sum += week.sum;
      sumSquares += week.sumSquares;
    }
    weeks += 1;
    week = noWeek;
  }
  return { ...state, weekFrom, weeks, days, sum, sumSquares, week };
}

/** A shop that is closed at the weekend has whole weeks as well. */
export const fewestDaysOfWeek = 5;

/**
 * Confidence bounds for the mean over *days*, those to come included, each valid at the end of all
 * whole weeks at once: Student's t interval of the days' means at the level α/(k(k + 1)) after k
 * weeks, whose sum over k is α, so that by the union bound it fails, ever, with probability α at
 * most. Days are taken as draws from a normal distribution of unknown spread, and the half-width
 * grows by `correlationWidening`, as a day resembles the day before. Between the ends of weeks
 * nothing changes: every weekday counts alike, so that a start on a Monday cannot leave out the
 * weekends. Few looks also make it narrower than a bound for all numbers of days (T. L. Lai, Annals
 * of Statistics 4 (1976)): 1.2 instead of 1.7 standard deviations after one week at α = 3 %. It
 * cannot know of a kind of day that it has not met. Null before the first whole week: nothing is
 * known. `alpha` is that of one side.
 */
export function boundsAcrossDays(
  { weeks, days, sum, sumSquares }: Pick<DaysState, 'weeks' | 'days' | 'sum' | 'sumSquares'>,
  { alpha, correlation }: { readonly alpha: number; readonly correlation: number },
): SequenceBounds | null {
  if (weeks === 0 || days < fewestDaysOfWeek) return null;
  const mean = sum / days;
  const variance = Math.max(0, sumSquares - days * mean ** 2) / (days - 1);
  const quantile = studentQuantile(1 - alpha / (weeks * (weeks + 1)), days - 1);
  const half = quantile * Math.sqrt(variance / days) * correlationWidening(correlation);
  return { lower: mean - half, upper: mean + half };
}

/**
 * The state after `weeks` in all, if its days go on as so far. Null where fewer than two days are
 * known.
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
  const passed = state.weeks * daysOfWeek + daysPassed(state);
  const times = (weeks * daysOfWeek) / Math.max(seen.days, passed);
  return {
    weeks,
    days: seen.days * times,
    sum: seen.sum * times,
    sumSquares: seen.sumSquares * times,
  };
}

/** Of the week that is open. */
export function daysPassed({
  weekFrom,
  closedBefore,
}: Pick<DaysState, 'weekFrom' | 'closedBefore'>): number {
  return weekFrom === null ? 0 : Math.max(0, closedBefore - weekFrom);
}
