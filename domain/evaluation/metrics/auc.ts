import type { DayStatistic } from '../../statistics/day-resamples';
import { weightedSum } from './mean-loss';
import type { Metric } from './metric';
import type { ScoredSample } from './sample';

/**
 * Area under the ROC curve: the probability that a row of label 1 scores higher than a row of label
 * 0; ties count half. Undefined without both labels. J. A. Hanley and B. J. McNeil, "The meaning
 * and use of the area under a ROC curve", Radiology 143 (1982); the Mann–Whitney statistic.
 *
 * When day d counts w[d] times, a pair of a positive of day d and a negative of day e counts
 * w[d]·w[e] times. The wins of each pair of days are counted once, so a resample costs days².
 */
export const auc: Metric = { name: 'auc', tasks: ['classification'], better: 'higher', prepare };

function prepare(sample: ScoredSample): DayStatistic {
  const { days } = sample;
  const positives = new Float64Array(days);
  const negatives = new Float64Array(days);
  sample.labels.forEach((label, row) => {
    const of = label === 1 ? positives : negatives;
    const day = sample.day[row] ?? 0;
    of[day] = (of[day] ?? 0) + 1;
  });
  const wins = countWins(sample);
  return (weights) => {
    let won = 0;
    for (let day = 0; day < days; day += 1) {
      const weight = weights[day] ?? 0;
      if (weight !== 0)
        won += weight * weightedSum(weights, wins.subarray(day * days, (day + 1) * days));
    }
    return won / (weightedSum(weights, positives) * weightedSum(weights, negatives));
  };
}

/** Row d, column e: won pairs of a positive of day d and a negative of day e; ties count half. */
function countWins(sample: ScoredSample): Float64Array {
  const { labels, scores, day, days } = sample;
  const order = byScore(scores);
  const wins = new Float64Array(days * days);
  const lower = new Float64Array(days);
  for (let from = 0; from < order.length;) {
    const score = scores[order[from] ?? 0];
    let until = from;
    // Tied negatives count half for the tied positives and fully for higher scores.
    while (until < order.length && scores[order[until] ?? 0] === score)
      addNegative(order[until++] ?? 0);
    for (let at = from; at < until; at += 1) {
      const row = order[at] ?? 0;
      if (labels[row] !== 1) continue;
      const start = (day[row] ?? 0) * days;
      for (let other = 0; other < days; other += 1)
        wins[start + other] = (wins[start + other] ?? 0) + (lower[other] ?? 0);
    }
    for (let at = from; at < until; at += 1) addNegative(order[at] ?? 0);
    from = until;
  }
  return wins;

  function addNegative(row: number): void {
    const index = day[row] ?? 0;
    if (labels[row] !== 1) lower[index] = (lower[index] ?? 0) + 0.5;
  }
}

/** Row numbers by increasing score. */
function byScore(scores: Float64Array): Int32Array {
  return Int32Array.from(scores.keys()).sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0));
}
