import type { MetricName } from '../../lifecycle/lifecycle';
import type { Task } from '../../model/model';
import type { DayStatistic } from '../../statistics/day-resamples';
import type { ScoredSample } from './sample';

/**
 * A metric is prepared once for a sample and then valued for any number of times each day counts.
 * Preparing keeps only sums a day (or a pair of days), so thousands of resamples cost milliseconds.
 */
export interface Metric {
  readonly name: MetricName;
  /** The tasks whose models it can judge. */
  readonly tasks: readonly Task[];
  /** Whether a higher value is a better model. */
  readonly better: 'lower' | 'higher';
  prepare(sample: ScoredSample): DayStatistic;
}

/**
 * How much worse the first is than the second: positive is worse, whichever way the metric points.
 */
export function increaseOf(
  metric: Metric,
  candidate: DayStatistic,
  counterpart: DayStatistic,
): DayStatistic {
  const sign = metric.better === 'lower' ? 1 : -1;
  // Both see the same days, so what makes a day easy or hard for both cancels.
  return (weights) => sign * (candidate(weights) - counterpart(weights));
}
