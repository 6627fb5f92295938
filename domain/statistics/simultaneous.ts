import { normalCdf } from './distributions';
import { expandedQuantile, fewestBeyond, type Bounds, type Interval } from './interval';

/**
 * Collects, for each resample, the largest deviation over several statistics. Memory stays at two
 * numbers a resample, however many statistics join.
 */
export interface JointDeviations {
  /** `replicates` come from the same resamples for every statistic. */
  add(statistic: { readonly interval: Interval; readonly replicates: Float64Array }): void;
  /**
   * Call when all have joined: gives bounds that hold for all of them at once. `days`: on how many
   * days the statistic itself has rows.
   */
  bounds(): (
    statistic: { readonly interval: Interval; readonly days: number },
    level: number,
  ) => Bounds;
}

/**
 * Simultaneous bounds by the single-step max-t method: every deviation is put in units of its
 * standard error, and the largest of them over all statistics sets how many units the bounds lie
 * away. It uses that statistics move together (a bad day is bad everywhere), which Bonferroni does
 * not. P. H. Westfall and S. S. Young, "Resampling-Based Multiple Testing" (1993), §2.5; M. Mandel
 * and R. A. Betensky, "Simultaneous confidence intervals based on the percentile bootstrap
 * approach", Computational Statistics & Data Analysis 52 (2008).
 *
 * Few days widen the bounds as in `dayInterval`, at the level that the largest deviation stands
 * for: that level is far beyond the joint one when many statistics join, and there Student's t
 * differs most from the normal distribution. The days are those of the statistic itself.
 */
export function jointDeviations(joint: {
  readonly replicates: number;
  readonly correlation: number;
}): JointDeviations {
  const above = new Float64Array(joint.replicates);
  const below = new Float64Array(joint.replicates);
  return {
    add({ interval, replicates }) {
      // A constant is known exactly and cannot deviate.
      if (interval.standardError === 0) return;
      replicates.forEach((value, replicate) => {
        const units = (value - interval.estimate) / interval.standardError;
        // Undefined in this resample: it might have been anything.
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
        // Resamples that overshoot the estimate say how far it may lie above the truth, and the
        // other way round.
        return { level, lower: bound(over, -1), upper: bound(under, 1) };
      };
    },
  };
}

/**
 * The level of one statistic's own bound at which the bounds of all hold at the joint `level`; null
 * when an undefined resample lies there. Where the resamples do not reach, all are taken for as
 * many independent statistics as their outermost supported quantile says (Šidák).
 */
function ownLevel(sorted: Float64Array, level: number): number | null {
  if (!Number.isFinite(quantile(sorted, level))) return null;
  const supported = 1 - fewestBeyond / sorted.length;
  if (level <= supported) return normalCdf(quantile(sorted, level));
  const independent = Math.max(
    1,
    Math.log(supported) / Math.log(normalCdf(quantile(sorted, supported))),
  );
  return level ** (1 / independent);
}

/**
 * The smallest value that at least this share of the sorted values does not exceed; errs to the
 * wide side.
 */
function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share))] ?? NaN;
}
