import type { SequenceBounds } from './mean-sequence';

/** Day means of a difference, and the day that is still open. Days are counted from an origin that the caller keeps. */
export interface DaysState {
  readonly days: number;
  readonly sum: number;
  readonly sumSquares: number;
  readonly open: OpenDay | null;
  /** Days before this one take nothing more. */
  readonly closedBefore: number;
  /** Losses that came after their day was closed: they belong to the traffic, but no longer to a day. */
  readonly late: number;
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

export const noDays: DaysState = { days: 0, sum: 0, sumSquares: 0, open: null, closedBefore: 0, late: 0 };

/** One arm's loss on a day. */
export interface DayLoss {
  readonly day: number;
  readonly arm: 'challenger' | 'champion';
  readonly loss: number;
}

export function addToDays(state: DaysState, { day, arm, loss }: DayLoss): DaysState {
  if (day < state.closedBefore) return { ...state, late: state.late + 1 };
  const current = closeDaysBefore(state, day);
  const open = current.open ?? { day, challenger: { n: 0, sum: 0 }, champion: { n: 0, sum: 0 } };
  const tally = open[arm];
  return { ...current, open: { ...open, [arm]: { n: tally.n + 1, sum: tally.sum + loss } } };
}

/** Closes the days before `day`. One on which either arm had nothing says nothing. */
export function closeDaysBefore(state: DaysState, day: number): DaysState {
  if (day <= state.closedBefore) return state;
  const { open } = state;
  if (open === null || open.day >= day) return { ...state, closedBefore: day };
  const closed = { ...state, open: null, closedBefore: day };
  const { challenger, champion } = open;
  if (challenger.n === 0 || champion.n === 0) return closed;
  const difference = challenger.sum / challenger.n - champion.sum / champion.n;
  return { ...closed, days: state.days + 1, sum: state.sum + difference, sumSquares: state.sumSquares + difference ** 2 };
}

/** Below five days the bound is not finite at the usual levels, and the constant below is not proven. */
export const fewestDaysAcross = 5;
/** 1/c is the variance of the effect, in units of the days' spread, for which the bet is made: effects that a week or two can show. */
const c = 0.5;
/** What a bet on one side wins beside one on both: twice the t distribution's value, which is 0.95 or more wherever the bound is reached (α ≤ 0.2, five days or more). */
const oneSided = 1.9;

/**
 * Confidence bounds, each valid at all numbers of days at once, for the mean over *days*, those to come included: days as independent draws from a normal
 * distribution of unknown spread. With S and V the sum and the sum of squares of dᵢ − m over n days,
 *   √(c/(n + c)) · (1 − S²/((n + c)V))^(−n/2) · 2·F(t)
 * is, if m is the mean, a test martingale in what does not depend on scale: the mixture over half-normal effects of T. L. Lai, "On confidence sequences", Annals of Statistics 4 (1976)
 * and H. Wang and A. Ramdas, "Anytime-valid t-tests and confidence sequences for Gaussian means with unknown variance", Sequential Analysis 44 (2025); F is
 * Student's distribution with n degrees of freedom at √n·√(ρ/(1 − ρ)), ρ = S²/((n + c)V). The upper bound is the least m above the mean at which it reaches 1/α. It needs no bound on what
 * a day can do, which no lifecycle file could name, and it cannot know of a kind of day that it has not met. Null while there are too few days: nothing is known.
 * `alpha` is that of one side.
 */
export function boundsAcrossDays({ days, sum, sumSquares }: DaysState, alpha: number): SequenceBounds | null {
  if (days < fewestDaysAcross) return null;
  const mean = sum / days;
  const variance = Math.max(0, sumSquares / days - mean ** 2);
  const total = days + c;
  const share = 1 - (oneSided * alpha * Math.sqrt(c / total)) ** (2 / days);
  const left = days - share * total;
  if (left <= 0) return null;
  const half = Math.sqrt((share * total * variance) / left);
  return { lower: mean - half, upper: mean + half };
}

/** The state after `times` as many days like those so far. */
export function scaledDays(state: DaysState, times: number): DaysState {
  return { ...state, days: state.days * times, sum: state.sum * times, sumSquares: state.sumSquares * times };
}
