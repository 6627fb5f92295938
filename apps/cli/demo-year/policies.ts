/** Whether what was served is better than other policies on the same flights, by interval. */
import { assumedDayCorrelation } from '../../../domain/statistics/day-correlation';
import { dayResamples, type DayStatistic } from '../../../domain/statistics/day-resamples';
import { bootstrapReplicates, dayInterval } from '../../../domain/statistics/interval';

/** What else could have been served: other choices of a version for each flight. */
const policies = ['never', 'every', 'everyHonest'] as const;
export type Policy = (typeof policies)[number];

export const policyTitles = {
  never: 'never retrained',
  every: 'every candidate',
  everyHonest: 'every candidate but the sabotaged',
} as const satisfies Record<Policy, string>;

/** Sums of the losses of one day in UTC. */
export interface PolicyDay extends Readonly<Record<Policy, number>> {
  /** RFC 3339 date. */
  readonly day: string;
  readonly labels: number;
  readonly served: number;
}

/** The mean loss of a policy minus that of what was served; positive if the served is better. */
export interface PolicyGain {
  readonly policy: Policy;
  readonly gain: number;
  /** Bounds of the gain at 97.5 % each, 95 % together; null if it has none. */
  readonly lower: number | null;
  readonly upper: number | null;
}

const level = 0.975;
const seed = [2013, 1, 2, 3] as const;

/**
 * Both policies answer the same flights, so the difference of each day is compared. Whole days are
 * resampled, and bounds are widened for their correlation, as a gate does.
 */
export function comparePolicies(days: readonly PolicyDay[]): readonly PolicyGain[] {
  const resamples = dayResamples({ days: days.length, replicates: bootstrapReplicates, seed });
  return policies.map((policy) => {
    const statistic: DayStatistic = (weights) => {
      let [gain, labels] = [0, 0];
      days.forEach((day, index) => {
        const weight = weights[index] ?? 0;
        gain += weight * (day[policy] - day.served);
        labels += weight * day.labels;
      });
      return gain / labels;
    };
    const found = dayInterval({
      statistic,
      resamples,
      levels: [level],
      days: days.length,
      correlation: assumedDayCorrelation,
    });
    const [bounds] = found?.interval.bounds ?? [];
    return {
      policy,
      gain: found?.interval.estimate ?? Number.NaN,
      lower: bounds?.lower ?? null,
      upper: bounds?.upper ?? null,
    };
  });
}

/** Whether the interval shows that this policy would have been better than what was served. */
export function isShownBetter({ upper }: PolicyGain): boolean {
  return upper !== null && upper < 0;
}
