import type { MetricName } from './names';
import type { Task } from '../../model/model';
import type { DayStatistic } from '../../statistics/day-resamples';
import type { ScoredSample } from './sample';

/**
 * A metric is prepared once for a sample and then evaluated for many weights of days. Preparing
 * keeps sums per day or pair of days, so thousands of resamples take milliseconds.
 */
export interface Metric {
  readonly name: MetricName;
  /** The tasks that the metric applies to. */
  readonly tasks: readonly Task[];
  /** Whether a higher value is a better model. */
  readonly better: 'lower' | 'higher';
  prepare(sample: ScoredSample): DayStatistic;
}

/** The difference of two models; positive means that the candidate is worse. */
export function computeIncrease(
  metric: Metric,
  candidate: DayStatistic,
  counterpart: DayStatistic,
): DayStatistic {
  const sign = metric.better === 'lower' ? 1 : -1;
  // Both use the same days, so effects that both share cancel.
  return (weights) => sign * (candidate(weights) - counterpart(weights));
}
