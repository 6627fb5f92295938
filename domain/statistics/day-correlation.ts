import { daysOfWeek } from '../calendar';
import { chiSquareQuantile, normalQuantile } from './distributions';

/**
 * The least assumed correlation between the differences in loss of two consecutive days, and the
 * value without a history. On the flight sample it is 0.2 to 0.4.
 */
export const assumedDayCorrelation = 0.4;

/** A higher correlation leaves a week with less than half an independent day. */
const maxDayCorrelation = 0.9;

/** Fewer days say less about their correlation than the assumption does. */
export const minCorrelationDays = 2 * daysOfWeek;

/**
 * The factor by which an AR(1) correlation of days widens a bound across days. For many days, the
 * variance of their mean is that of independent days times (1 + ρ)/(1 − ρ) (M. S. Bartlett, "On the
 * theoretical specification and sampling properties of autocorrelated time-series", JRSS Supplement
 * 8 (1946)).
 */
export function correlationWidening(correlation: number): number {
  return Math.sqrt((1 + correlation) / (1 - correlation));
}

/** The share of days that are as good as independent ones for the variance of days (Bartlett). */
export function independentShare(correlation: number): number {
  return (1 - correlation ** 2) / (1 + correlation ** 2);
}

/**
 * A 90 % upper bound of the correlation of days, from daily values of one or more periods. Null
 * with fewer than two weeks, or if all days are equal. It is the larger of two bounds:
 * - of the correlation of consecutive days, with Kendall's correction of its bias (M. G. Kendall,
 *   Biometrika 41 (1954));
 * - of whole weeks: the variance of the means of seven days in a row over that of seven independent
 *   days, as the AR(1) correlation that gives the same factor. It bounds what lasts for a week. The
 *   means overlap, so k weeks count as 1.5(k − 1) degrees of freedom (M. S. Meketon and B.
 *   Schmeiser, "Overlapping batch means", Winter Simulation Conference (1984)).
 *
 * A short history says little, so a prior is counted as if it had been seen before: two weeks that
 * correlate by 0.3, and six degrees of freedom of weeks as a correlation of 0.4 makes them.
 */
export function boundDayCorrelation(
  periods: readonly ArrayLike<number>[],
): { readonly correlation: number; readonly days: number } | null {
  const sums = periods.filter(({ length }) => length >= daysOfWeek).map(sumPeriods);
  const days = total(sums, (each) => each.days);
  const variance = total(sums, (each) => each.squares) / days;
  if (days < minCorrelationDays || !(variance > 0)) return null;
  const lagged = total(sums, (each) => each.products) / (days * variance);
  const unbiased = lagged + ((1 + 3 * lagged) * sums.length) / days;
  const seen = days + prior.days;
  const ofDays = (unbiased * days + prior.correlation * prior.days) / seen;
  const spread = Math.sqrt(Math.max(0, 1 - ofDays ** 2) / seen);
  const upperOfDays = ofDays + normalQuantile(boundLevel) * spread;

  const degrees = total(sums, (each) => each.weekDegrees);
  const ofWeeks =
    (total(sums, (each) => each.weekDegrees * each.weekVariance) / variance +
      prior.weekDegrees * prior.weekFactor) /
    (degrees + prior.weekDegrees);
  const upperOfWeeks =
    (ofWeeks * (degrees + prior.weekDegrees)) /
    chiSquareQuantile(1 - boundLevel, degrees + prior.weekDegrees);

  const bound = Math.max(upperOfDays, (upperOfWeeks - 1) / (upperOfWeeks + 1));
  // Two decimals, so that a policy and its verdict have the same number.
  const correlation = Math.min(maxDayCorrelation, Math.max(0, Math.ceil(100 * bound) / 100));
  return { correlation, days };
}

const boundLevel = 0.9;
const prior = { days: 14, correlation: 0.3, weekDegrees: 6, weekFactor: 2 } as const;

interface PeriodSums {
  readonly days: number;
  readonly squares: number;
  /** Of consecutive days. */
  readonly products: number;
  readonly weekDegrees: number;
  /** Variance of the mean of seven days in a row, times seven. */
  readonly weekVariance: number;
}

function sumPeriods(values: ArrayLike<number>): PeriodSums {
  const days = values.length;
  const mean = Array.from(values).reduce((sum, value) => sum + value, 0) / days;
  const deviations = Float64Array.from(values, (value) => value - mean);
  let [squares, products, windows, inWindow] = [0, 0, 0, 0];
  deviations.forEach((deviation, day) => {
    squares += deviation ** 2;
    products += deviation * (deviations[day - 1] ?? 0);
    inWindow += deviation - (deviations[day - daysOfWeek] ?? 0);
    if (day >= daysOfWeek - 1) windows += inWindow ** 2;
  });
  const hasWeeks = days >= 2 * daysOfWeek;
  const weeks = days / daysOfWeek;
  return {
    days,
    squares,
    products,
    weekDegrees: hasWeeks ? 1.5 * (weeks - 1) : 0,
    // The mean of the period is estimated from the same weeks, so the sum is too small.
    weekVariance: hasWeeks ? windows / (days - daysOfWeek + 1) / daysOfWeek / (1 - 1 / weeks) : 0,
  };
}

function total(sums: readonly PeriodSums[], part: (sums: PeriodSums) => number): number {
  return sums.reduce((sum, each) => sum + part(each), 0);
}
