import { independentShare } from './day-correlation';
import { normalCdf, normalQuantile } from './distributions';
import { expandedQuantile, minBeyond, type Bounds, type Interval } from './interval';
import { seededRandom } from './random';

/** Collects the deviations of several statistics in each resample. */
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
 *
 * Twenty statistics over two weeks seem to move together more than they do: their resamples span
 * thirteen dimensions only. So their correlations are shrunk toward 0 by the share that chance
 * explains (J. Schäfer and K. Strimmer, "A shrinkage approach to large-scale covariance matrix
 * estimation", Statistical Applications in Genetics and Molecular Biology 4 (2005)).
 */
export function jointDeviations(joint: {
  readonly replicates: number;
  /** Resampled days. */
  readonly days: number;
  readonly correlation: number;
}): JointDeviations {
  const all: Float64Array[] = [];
  return {
    add({ interval, replicates }) {
      // A constant statistic cannot deviate.
      if (interval.standardError === 0) return;
      all.push(replicates.map((value) => (value - interval.estimate) / interval.standardError));
    },
    bounds() {
      const independentDays = joint.days * independentShare(joint.correlation);
      const [over, under] = largestDeviations(all, {
        replicates: joint.replicates,
        byChance: shareByChance(all, independentDays),
      });
      return ({ interval: { estimate, standardError }, days }, level) => {
        const findBound = (sorted: Float64Array, side: 1 | -1) => {
          if (standardError === 0) return estimate;
          const own = ownLevel(sorted, level);
          return own === null
            ? null
            : estimate + side * standardError * expandedQuantile(own, days, joint.correlation);
        };
        // Resamples above the estimate set the lower bound, and those below it the upper bound.
        return { level, lower: findBound(over, -1), upper: findBound(under, 1) };
      };
    },
  };
}

/**
 * The largest deviation of all statistics above and below the estimate in each resample, sorted.
 * `byChance`: the share of each deviation's variance that is drawn independently.
 */
function largestDeviations(
  all: readonly Float64Array[],
  { replicates, byChance }: { readonly replicates: number; readonly byChance: number },
): readonly [Float64Array, Float64Array] {
  const random = seededRandom([replicates, all.length, 1, 2]);
  const [above, below] = [new Float64Array(replicates), new Float64Array(replicates)];
  const [kept, drawn] = [Math.sqrt(1 - byChance), Math.sqrt(byChance)];
  for (const deviations of all) {
    deviations.forEach((deviation, replicate) => {
      const noise = drawn === 0 ? 0 : drawn * normalQuantile(random() + 2 ** -33);
      const units = kept * deviation + noise;
      // A statistic that is undefined in this resample could have any value.
      const [up, down] = Number.isNaN(units) ? [Infinity, Infinity] : [units, -units];
      above[replicate] = Math.max(above[replicate] ?? 0, up);
      below[replicate] = Math.max(below[replicate] ?? 0, down);
    });
  }
  return [above.sort(), below.sort()];
}

/** More pairs than these tell nothing new about their mean. */
const maxPairs = 20_000;

/**
 * The expected squared correlation of independent statistics over the mean squared correlation of
 * these: the weight of independence in Schäfer and Strimmer's estimate.
 */
function shareByChance(all: readonly Float64Array[], independentDays: number): number {
  const pairs = (all.length * (all.length - 1)) / 2;
  const every = Math.ceil(pairs / maxPairs);
  let [squares, chance, pair] = [0, 0, 0];
  for (let one = 1; one < all.length; one += 1) {
    for (let other = 0; other < one; other += 1) {
      pair += 1;
      if (pair % every !== 0) continue;
      const correlation = correlate(all[one], all[other]);
      squares += correlation ** 2;
      chance += (1 - correlation ** 2) ** 2 / Math.max(1, independentDays - 1);
    }
  }
  // One statistic has no pair.
  return squares === 0 ? Math.sign(pair) : Math.min(1, chance / squares);
}

/** Of deviations whose mean is about 0; resamples in which one is undefined are left out. */
function correlate(
  one: Float64Array | undefined = new Float64Array(),
  other: Float64Array | undefined = new Float64Array(),
): number {
  let [products, squares, others] = [0, 0, 0];
  one.forEach((value, replicate) => {
    const beside = other[replicate] ?? NaN;
    if (Number.isNaN(value) || Number.isNaN(beside)) return;
    products += value * beside;
    squares += value ** 2;
    others += beside ** 2;
  });
  return squares === 0 || others === 0 ? 0 : products / Math.sqrt(squares * others);
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
