import {
  unitDayWeights,
  computeReplicates,
  type DayResamples,
  type DayStatistic,
} from './day-resamples';
import { correlationWidening, independentShare } from './day-correlation';
import { normalCdf, normalQuantile, studentQuantile } from './distributions';

/**
 * Two one-sided bounds at the same `level`, together an interval at `2 · level − 1`. Null:
 * unbounded.
 */
export interface Bounds {
  readonly level: number;
  readonly lower: number | null;
  readonly upper: number | null;
}

export interface Interval {
  readonly estimate: number;
  readonly standardError: number;
  /** By increasing level. */
  readonly bounds: readonly Bounds[];
}

/** Levels of every measurement besides those of its policy, so that other policies can be tried. */
export const standardLevels = [0.8, 0.9, 0.95, 0.97, 0.975, 0.99] as const;

/**
 * As T. J. DiCiccio and B. Efron recommend for BCa, "Bootstrap confidence intervals", Statistical
 * Science 11 (1996).
 */
export const bootstrapReplicates = 2000;

/** A bound needs this many replicates beyond it. Otherwise it is extrapolated from one that has. */
export const minBeyond = 10;

/**
 * Interval of a statistic over resampled days: bias-corrected and accelerated (BCa; B. Efron,
 * "Better bootstrap confidence intervals", JASA 82 (1987)). Student's t expands its level for few
 * days (T. C. Hesterberg, "What teachers should know about the bootstrap", The American
 * Statistician 69 (2015), §4.5). In a simulation with 7 to 60 independent days, percentile and BCa
 * bounds at 97 % missed in 4 to 7 % of the samples, and expanded BCa in 2.5 to 3.5 %.
 *
 * `days`: number of days with rows. `correlation`: between consecutive days. Null if the estimate
 * is undefined or has only one day.
 */
export function dayInterval(asked: {
  readonly statistic: DayStatistic;
  readonly resamples: DayResamples;
  readonly levels: readonly number[];
  readonly days: number;
  readonly correlation: number;
}): IntervalWithReplicates | null {
  const { statistic, resamples, levels, days, correlation } = asked;
  const estimate = statistic(unitDayWeights(resamples.days));
  if (!Number.isFinite(estimate) || days < 2) return null;
  const replicates = computeReplicates(statistic, resamples);
  const leftOut = leaveOneDayOut(statistic, resamples.days);
  return {
    interval: computeInterval({ estimate, replicates, leftOut, days, correlation, levels }),
    replicates,
  };
}

/** The replicates are in the order of the resamples, as joint bounds need them. */
export interface IntervalWithReplicates {
  readonly interval: Interval;
  readonly replicates: Float64Array;
}

/**
 * The influence of each day on the statistic: its mean over days is the estimate, for a mean of
 * rows. A day that changes nothing has the estimate itself (the jackknife's pseudo-values; B. Efron
 * and R. Tibshirani, "An Introduction to the Bootstrap" (1993), §11.5).
 */
export function dayInfluences(statistic: DayStatistic, days: number): Float64Array {
  const estimate = statistic(unitDayWeights(days));
  return leaveOneDayOut(statistic, days).map((without) =>
    Number.isNaN(without) ? estimate : days * estimate - (days - 1) * without,
  );
}

/** The statistic without each day in turn, for the acceleration. */
function leaveOneDayOut(statistic: DayStatistic, days: number): Float64Array {
  const weights = unitDayWeights(days);
  return Float64Array.from(weights, (_one, day) => {
    weights[day] = 0;
    const value = statistic(weights);
    weights[day] = 1;
    return value;
  });
}

function computeInterval(drawn: {
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
  const bias = computeBias(defined, estimate);
  const acceleration = computeAcceleration(leftOut);
  const sample = { estimate, defined, undefinedCount, bias, acceleration };
  const bounds = [...drawn.levels]
    .sort((a, b) => a - b)
    .map((level): Bounds => {
      const z = expandedQuantile(level, days, 0);
      // The resamples treat days as independent, so their correlation widens both sides equally.
      const stretch = expandedQuantile(level, days, correlation) / z;
      const widenBound = (bound: number | null) =>
        bound === null ? null : estimate + stretch * (bound - estimate);
      return {
        level,
        lower: widenBound(boundAt(sample, -z)),
        upper: widenBound(boundAt(sample, z)),
      };
    });
  return {
    estimate,
    standardError: computeSpread(defined),
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
 * The BCa bound at `z` standard deviations; z is negative for a lower bound. With fewer than ten
 * replicates beyond it, the bound is extrapolated in proportion to z from the outermost one that
 * has ten. The replicates give the length of the tail, and Student's t in z its shape.
 */
function boundAt(sample: BootstrapSample, z: number): number | null {
  const { estimate, defined, undefinedCount, bias, acceleration } = sample;
  const unknowns = z < 0 ? 'below' : 'above';
  const quantile = (probability: number) =>
    quantileWithUnknowns(defined, undefinedCount, probability, unknowns);
  const wanted = adjustLevel(z, bias, acceleration);
  const bound = quantile(wanted);
  const outermost = 1 - Math.min(0.5, minBeyond / (defined.length + undefinedCount));
  const supported = z < 0 ? 1 - outermost : outermost;
  if (bound === null || (z < 0 ? wanted >= supported : wanted <= supported)) return bound;
  const reached = unadjustLevel(supported, bias, acceleration);
  const from = quantile(supported);
  // With extreme skew, the supported bound is on the other side of the estimate, so there is
  // nothing to extrapolate from.
  if (from === null || reached / z <= 0) return bound;
  const carried = estimate + ((from - estimate) * z) / reached;
  return z < 0 ? Math.min(bound, carried) : Math.max(bound, carried);
}

/**
 * The normal quantile, widened because a bootstrap of few clusters is too narrow: √(n/(n−1)) · t
 * instead of z. An AR(1) correlation of days increases the variance of their mean
 * (`correlationWidening`). It also makes that variance less certain: it is known as from n(1 −
 * ρ²)/(1 + ρ²) independent days (Bartlett 1946).
 */
export function expandedQuantile(level: number, days: number, correlation: number): number {
  const degrees = Math.max(1, days * independentShare(correlation) - 1);
  return (
    correlationWidening(correlation) *
    Math.sqrt(days / (days - 1)) *
    studentQuantile(level, degrees)
  );
}

/**
 * z₀, the distance of the estimate from the median of the resamples. Ties count half, so a constant
 * statistic has no bias.
 */
function computeBias(sorted: Float64Array, estimate: number): number {
  let below = 0;
  for (const value of sorted) below += value < estimate ? 1 : value === estimate ? 0.5 : 0;
  const share = below / sorted.length;
  // Limited to half a resample, because an infinite correction would put both bounds on one side.
  const least = 0.5 / sorted.length;
  return normalQuantile(Math.min(1 - least, Math.max(least, share)));
}

function computeAcceleration(leftOut: Float64Array): number {
  const values = leftOut.filter((value) => !Number.isNaN(value));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  // In units of the largest deviation, so that cubes of tiny differences do not underflow.
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

function adjustLevel(z: number, bias: number, acceleration: number): number {
  const shifted = bias + z;
  const denominator = 1 - acceleration * shifted;
  // Beyond its pole the formula would change sign.
  if (denominator <= 0) return z < 0 ? 0 : 1;
  return normalCdf(bias + shifted / denominator);
}

/** The inverse of `adjustLevel` in z. */
function unadjustLevel(probability: number, bias: number, acceleration: number): number {
  const distance = normalQuantile(probability) - bias;
  return distance / (1 + acceleration * distance) - bias;
}

/**
 * Quantile type 6 of R. J. Hyndman and Y. Fan (1996). An undefined resample counts as −∞ for a
 * lower and +∞ for an upper bound. So a statistic that is often undefined is unbounded instead of
 * seemingly precise.
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

/** An extreme bias correction can move a bound past the estimate, so bounds are limited to it. */
function containing(bounds: Bounds, estimate: number): Bounds {
  return {
    level: bounds.level,
    lower: bounds.lower === null ? null : Math.min(bounds.lower, estimate),
    upper: bounds.upper === null ? null : Math.max(bounds.upper, estimate),
  };
}

function computeSpread(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1));
}
