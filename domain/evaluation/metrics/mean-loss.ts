import type { DayStatistic } from '../../statistics/day-resamples';
import type { ScoredSample } from './sample';

/** The mean of a value of each row. */
export function meanOverRows(
  sample: ScoredSample,
  ofRow: (label: number, score: number) => number,
): DayStatistic {
  const sums = new Float64Array(sample.days);
  const rows = new Float64Array(sample.days);
  sample.labels.forEach((label, row) => {
    const day = sample.day[row] ?? 0;
    sums[day] = (sums[day] ?? 0) + ofRow(label, sample.scores[row] ?? NaN);
    rows[day] = (rows[day] ?? 0) + 1;
  });
  return (weights) => weightedSum(weights, sums) / weightedSum(weights, rows);
}

export function weightedSum(weights: ArrayLike<number>, values: Float64Array): number {
  let sum = 0;
  for (let day = 0; day < values.length; day += 1) sum += (weights[day] ?? 0) * (values[day] ?? 0);
  return sum;
}
