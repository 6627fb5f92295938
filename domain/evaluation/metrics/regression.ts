import { meanOverRows, weightedSum } from './mean-loss';
import type { Metric } from './metric';

/** Root of the mean of (f − y)², in the label's unit. */
export const rmse: Metric = {
  name: 'rmse',
  tasks: ['regression'],
  better: 'lower',
  prepare(sample) {
    const meanSquare = meanOverRows(sample, (label, score) => (score - label) ** 2);
    return (weights) => Math.sqrt(meanSquare(weights));
  },
};

/** Mean of |f − y|, in the label's unit; lowest for the conditional median. */
export const mae: Metric = {
  name: 'mae',
  tasks: ['regression'],
  better: 'lower',
  prepare: (sample) => meanOverRows(sample, (label, score) => Math.abs(score - label)),
};

/**
 * 1 − Σ(f − y)² / Σ(y − ȳ)², where ȳ is the mean label of the same rows. Undefined when all labels
 * are equal. N. R. Draper and H. Smith,
 * "Applied Regression Analysis" (1998), §1.3.
 */
export const r2: Metric = {
  name: 'r2',
  tasks: ['regression'],
  better: 'higher',
  prepare(sample) {
    const { days } = sample;
    const rows = new Float64Array(days);
    const labels = new Float64Array(days);
    const squares = new Float64Array(days);
    const residuals = new Float64Array(days);
    // Relative to one label, so that large labels do not lose precision.
    const origin = sample.labels[0] ?? 0;
    sample.labels.forEach((label, row) => {
      const day = sample.day[row] ?? 0;
      rows[day] = (rows[day] ?? 0) + 1;
      labels[day] = (labels[day] ?? 0) + (label - origin);
      squares[day] = (squares[day] ?? 0) + (label - origin) ** 2;
      residuals[day] = (residuals[day] ?? 0) + ((sample.scores[row] ?? NaN) - label) ** 2;
    });
    return (weights) => {
      const total =
        weightedSum(weights, squares) -
        weightedSum(weights, labels) ** 2 / weightedSum(weights, rows);
      return total <= 0 ? NaN : 1 - weightedSum(weights, residuals) / total;
    };
  },
};
