import { seededRandom, type Seed } from './random';

/** Resampling counts: `replicates` rows of `days` counts, and each row sums to `days`. */
export interface DayResamples {
  readonly days: number;
  readonly replicates: number;
  /** Row-major. */
  readonly counts: Uint16Array;
}

/** A statistic in which day `d` counts `weights[d]` times; NaN if undefined (no row, one class). */
export type DayStatistic = (weights: ArrayLike<number>) => number;

/**
 * The cluster bootstrap with days as clusters. Rows of one day share its weather, outage or
 * campaign, so whole days are sampled with replacement. Intervals from single rows would be several
 * times too narrow. Days are sampled as if independent; `dayInterval` widens its bounds for their
 * correlation.
 *
 * A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application" (1997), §3.8; C. A.
 * Field and A. H. Welsh, "Bootstrapping clustered data", JRSS B 69 (2007).
 */
export function dayResamples(draw: {
  readonly days: number;
  readonly replicates: number;
  readonly seed: Seed;
}): DayResamples {
  const { days, replicates } = draw;
  const random = seededRandom(draw.seed);
  const counts = new Uint16Array(days * replicates);
  for (let replicate = 0; replicate < replicates; replicate += 1) {
    const row = counts.subarray(replicate * days, (replicate + 1) * days);
    for (let pick = 0; pick < days; pick += 1) {
      const day = Math.floor(random() * days);
      row[day] = (row[day] ?? 0) + 1;
    }
  }
  return { days, replicates, counts };
}

/** The weights of the sample itself. */
export function unitDayWeights(days: number): Float64Array {
  return new Float64Array(days).fill(1);
}

export function computeReplicates(statistic: DayStatistic, resamples: DayResamples): Float64Array {
  const { days, replicates, counts } = resamples;
  const values = new Float64Array(replicates);
  for (let replicate = 0; replicate < replicates; replicate += 1) {
    values[replicate] = statistic(counts.subarray(replicate * days, (replicate + 1) * days));
  }
  return values;
}
