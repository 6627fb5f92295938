import { eachDayOnce, replicatesOf, type DayResamples, type DayStatistic } from './day-resamples';
import { correlationWidening } from './day-correlation';
import { normalCdf, normalQuantile, studentQuantile } from './distributions';

/**
 * Two one-sided bounds, each holding with probability `level`; together an interval of `2 · level −
 * 1`. Null is unbounded.
 */
export interface Bounds {
  readonly level: number;
  readonly lower: number | null;
  readonly upper: number | null;
}

export interface Interval {
  readonly estimate: number;
  readonly standardError: number;
  /** By rising level. */
  readonly bounds: readonly Bounds[];
}

/**
 * Levels that every measurement carries beside those of its policy, so that another policy can be
 * tried on the same evidence.
 */
export const standardLevels = [0.8, 0.9, 0.95, 0.97, 0.975, 0.99] as const;

/**
 * As many as T. J. DiCiccio and B. Efron advise for BCa, "Bootstrap confidence intervals",
 * Statistical Science 11 (1996).
 */
export const bootstrapReplicates = 2000;

/**
 * Fewer replicates than this beyond a bound say too little of where it lies; the bound is then
 * carried out from one that has them.
 */
export const fewestBeyond = 10;

/**
 * Interval of a statistic over resampled days: bias-corrected and accelerated (BCa; B. Efron,
 * "Better bootstrap confidence intervals", JASA 82 (1987)), its level expanded for a small number
 * of days by Student's t (T. C. Hesterberg, "What teachers should know about the bootstrap", The
 * American Statistician 69 (2015), §4.5). In a simulation of 7 to 60 independent days plain
 * percentile and plain BCa bounds at 97 % missed in 4 to 7 % of the samples, expanded BCa in 2.5 to
 * 3.5 %. `days` is how many of the days have rows at all, `correlation` what a day is taken to
 * share with the day before. Null when the estimate is undefined or rests on one day.
 */
export function dayInterval(asked: {
  readonly statistic: DayStatistic;
  readonly resamples: DayResamples;
  readonly levels: readonly number[];
  readonly days: number;
  readonly correlation: number;
}): DrawnInterval | null {
  const { statistic, resamples, levels, days, correlation } = asked;
  const estimate = statistic(eachDayOnce(resamples.days));
  if (!Number.isFinite(estimate) || days < 2) return null;
  const replicates = replicatesOf(statistic, resamples);
  const leftOut = leaveOneDayOut(statistic, resamples.days);
  return {
    interval: intervalOf({ estimate, replicates, leftOut, days, correlation, levels }),
    replicates,
  };
}

/** The replicates are in the order of the resamples, for what is judged jointly. */
export interface DrawnInterval {
  readonly interval: Interval;
  readonly replicates: Float64Array;
}

/** The statistic without each day in turn, for the acceleration. */
function leaveOneDayOut(statistic: DayStatistic, days: number): Float64Array {
  const weights = eachDayOnce(days);
  return Float64Array.from(weights, (_one, day) => {
    weights[day] = 0;
    const value = statistic(weights);
    weights[day] = 1;
    return value;
  });
}

function intervalOf(drawn: {
  readonly estimate: number;
  readonly replicates: Float64Array;
  readonly leftOut: Float64Array;
  readonly days: number;
  readonly correlation: number;
  readonly levels: readonly number[];
}): Interval {
  const { estimate, leftOut, days, correlation } = drawn;
  const defined = drawn.replicates.filter((value) => !Number.isNaN(value)).sort();
  const undefinedCount = drawn.replicates.length - defined.length;
  const bias = biasOf(defined, estimate);
  const acceleration = accelerationOf(leftOut);
  const sample = { estimate, defined, undefinedCount, bias, acceleration };
  const bounds = [...drawn.levels]
    .sort((a, b) => a - b)
    .map((level): Bounds => {
      const z = expandedQuantile(level, days, 0);
      // The resamples take days as independent; what their correlation adds widens both sides
      // alike.
      const stretch = expandedQuantile(level, days, correlation) / z;
      const widened = (bound: number | null) =>
        bound === null ? null : estimate + stretch * (bound - estimate);
      return { level, lower: widened(boundAt(sample, -z)), upper: widened(boundAt(sample, z)) };
    });
  return {
    estimate,
    standardError: spreadOf(defined),
    bounds: bounds.map((bound) => containing(bound, estimate)),
  };
}

interface BootstrapSample {
  readonly estimate: number;
  /** Sorted. */
  readonly defined: Float64Array;
  readonly undefinedCount: number;
  readonly bias: number;
  readonly acceleration: number;
}

/**
 * The BCa bound `z` standard deviations out; z is negative for a lower bound. Where fewer than ten
 * replicates lie beyond, it is the outermost bound that has ten beyond it, moved out in proportion
 * to z: the replicates say how long that side's tail is, and Student's t, which is in z, how fast
 * it thins out.
 */
function boundAt(sample: BootstrapSample, z: number): number | null {
  const { estimate, defined, undefinedCount, bias, acceleration } = sample;
  const unknowns = z < 0 ? 'below' : 'above';
  const quantile = (probability: number) =>
    quantileWithUnknowns(defined, undefinedCount, probability, unknowns);
  const wanted = adjusted(z, bias, acceleration);
  const bound = quantile(wanted);
  const outermost = 1 - Math.min(0.5, fewestBeyond / (defined.length + undefinedCount));
  const supported = z < 0 ? 1 - outermost : outermost;
  if (bound === null || (z < 0 ? wanted >= supported : wanted <= supported)) return bound;
  const reached = unadjusted(supported, bias, acceleration);
  const from = quantile(supported);
  // So skewed that the supported bound lies on the other side of the estimate: nothing can be
  // carried out from there.
  if (from === null || reached / z <= 0) return bound;
  const carried = estimate + ((from - estimate) * z) / reached;
  return z < 0 ? Math.min(bound, carried) : Math.max(bound, carried);
}

/**
 * The normal quantile, widened for what a bootstrap of few clusters leaves out: √(n/(n−1)) · t
 * instead of z. Days of an AR(1) process of this correlation make their mean vary more
 * (`correlationWidening`), and say less of how much days differ: their variance is known as from
 * n(1 − ρ²)/(1 + ρ²) independent days (Bartlett 1946).
 */
export function expandedQuantile(level: number, days: number, correlation: number): number {
  const independent = (days * (1 - correlation ** 2)) / (1 + correlation ** 2);
  const degrees = Math.max(1, independent - 1);
  return (
    correlationWidening(correlation) *
    Math.sqrt(days / (days - 1)) *
    studentQuantile(level, degrees)
  );
}

/**
 * z₀: how far the estimate lies from the resamples' median. Ties count half, so that a constant
 * statistic has no bias.
 */
function biasOf(sorted: Float64Array, estimate: number): number {
  let below = 0;
  for (const value of sorted) below += value < estimate ? 1 : value === estimate ? 0.5 : 0;
  const share = below / sorted.length;
  // Beyond half a resample nothing is known; an infinite correction would put both bounds on one
  // side.
  const least = 0.5 / sorted.length;
  return normalQuantile(Math.min(1 - least, Math.max(least, share)));
}

function accelerationOf(leftOut: Float64Array): number {
  const values = leftOut.filter((value) => !Number.isNaN(value));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  // In units of the largest deviation, so that tiny differences do not vanish when cubed.
  const unit = values.reduce((most, value) => Math.max(most, Math.abs(mean - value)), 0);
  if (unit === 0) return 0;
  let cubes = 0;
  let squares = 0;
  for (const value of values) {
    const deviation = (mean - value) / unit;
    cubes += deviation ** 3;
    squares += deviation ** 2;
  }
  return cubes / (6 * squares ** 1.5);
}

function adjusted(z: number, bias: number, acceleration: number): number {
  const shifted = bias + z;
  const denominator = 1 - acceleration * shifted;
  // Past its pole the formula would come back from the other side.
  if (denominator <= 0) return z < 0 ? 0 : 1;
  return normalCdf(bias + shifted / denominator);
}

/** The z that `adjusted` takes to this probability. */
function unadjusted(probability: number, bias: number, acceleration: number): number {
  const distance = normalQuantile(probability) - bias;
  return distance / (1 + acceleration * distance) - bias;
}

/**
 * A resample in which the statistic is undefined might be anything, so it counts as −∞ for a lower
 * and +∞ for an upper bound: a statistic that is often undefined ends up unbounded instead of
 * looking precise. Quantile type 6 of R. J. Hyndman and Y. Fan (1996).
 */
function quantileWithUnknowns(
  sorted: Float64Array,
  unknown: number,
  probability: number,
  unknowns: 'below' | 'above',
): number | null {
  const position =
    (sorted.length + unknown + 1) * probability - 1 - (unknowns === 'below' ? unknown : 0);
  if (unknown > 0 && (position < 0 || position > sorted.length - 1)) return null;
  const whole = Math.min(sorted.length - 1, Math.max(0, Math.floor(position)));
  const from = sorted[whole] ?? NaN;
  const to = sorted[Math.min(sorted.length - 1, whole + 1)] ?? NaN;
  return from + Math.min(1, Math.max(0, position - whole)) * (to - from);
}

/**
 * An extreme bias correction can push a bound past the estimate; a bound at 50 % or more never lies
 * on the other side of it.
 */
function containing(bounds: Bounds, estimate: number): Bounds {
  return {
    level: bounds.level,
    lower: bounds.lower === null ? null : Math.min(bounds.lower, estimate),
    upper: bounds.upper === null ? null : Math.max(bounds.upper, estimate),
  };
}

function spreadOf(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1));
}
