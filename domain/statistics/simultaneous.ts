import { normalCdf } from './distributions';
import { expandedQuantile, minBeyond, type Bounds, type Interval } from './interval';

/** Collects the largest deviation over several statistics for each resample: two numbers each. */
export interface JointDeviations {
  /** All statistics must use the same resamples. */
  add(statistic: { readonly interval: Interval; readonly replicates: Float64Array }): void;
  /**
   * Call it after all statistics are added. The bounds hold for all of them at once. `days`: number
   * of days on which the statistic has rows.
   */
  bounds(): (
    statistic: { readonly interval: Interval; readonly days: number },
    level: number,
  ) => Bounds;
}

/**
 * Simultaneous bounds by the single-step max-t method. Deviations are measured in standard errors,
 * and the largest one over all statistics sets the width. Unlike Bonferroni, this uses that
 * statistics move together: a bad day is bad for all. P. H. Westfall and S. S. Young,
 * "Resampling-Based Multiple Testing" (1993), §2.5; M. Mandel and R. A. Betensky, "Simultaneous
 * confidence intervals based on the percentile bootstrap approach", Computational Statistics & Data
 * Analysis 52 (2008).
 *
 * Few days widen the bounds as in `dayInterval`, at each statistic's own level. With many
 * statistics, that level is far above the joint one, where Student's t differs most from the normal
 * distribution.
 */
export function jointDeviations(joint: {
  readonly replicates: number;
  readonly correlation: number;
}): JointDeviations {
  const above = new Float64Array(joint.replicates);
  const below = new Float64Array(joint.replicates);
  return {
    add({ interval, replicates }) {
      // A constant statistic cannot deviate.
      if (interval.standardError === 0) return;
      replicates.forEach((value, replicate) => {
        const units = (value - interval.estimate) / interval.standardError;
        // A statistic that is undefined in this resample could have any value.
        const undefinedHere = Number.isNaN(units);
        above[replicate] = Math.max(above[replicate] ?? 0, undefinedHere ? Infinity : units);
        below[replicate] = Math.max(below[replicate] ?? 0, undefinedHere ? Infinity : -units);
      });
    },
    bounds() {
      const over = above.slice().sort();
      const under = below.slice().sort();
      return ({ interval: { estimate, standardError }, days }, level) => {
        const bound = (sorted: Float64Array, side: 1 | -1) => {
          if (standardError === 0) return estimate;
          const own = ownLevel(sorted, level);
          return own === null
            ? null
            : estimate + side * standardError * expandedQuantile(own, days, joint.correlation);
        };
        // Resamples above the estimate set the lower bound, and those below it the upper bound.
        return { level, lower: bound(over, -1), upper: bound(under, 1) };
      };
    },
  };
}

/**
 * The level of each statistic's own bound at which all bounds hold at the joint `level`. Null if
 * that quantile is undefined. Beyond the reach of the resamples, it uses the number of independent
 * statistics that fits their outermost supported quantile (Šidák).
 */
function ownLevel(sorted: Float64Array, level: number): number | null {
  if (!Number.isFinite(quantile(sorted, level))) return null;
  const supported = 1 - minBeyond / sorted.length;
  if (level <= supported) return normalCdf(quantile(sorted, level));
  const independent = Math.max(
    1,
    Math.log(supported) / Math.log(normalCdf(quantile(sorted, supported))),
  );
  return level ** (1 / independent);
}

/** The smallest value that at least this share of the sorted values does not exceed. */
function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share))] ?? NaN;
}
