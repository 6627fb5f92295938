import { meanOverRows } from './mean-loss';
import type { Metric } from './metric';
import { labelProbabilities, predictedClass } from './multiclass';
import type { ScoredSample } from './sample';

/** Probabilities are clipped to [0.001, 0.999], which limits the loss of a row to 6.908. */
export const minProbability = 0.001;

/**
 * Mean of −(y ln p + (1 − y) ln(1 − p)), p clipped. In multiclass the mean of −ln p of the true
 * class, clipped alike; for two classes it is equal. A proper score: lowest for the true
 * probability. I. J. Good, "Rational Decisions", JRSS B 14 (1952).
 */
export const logloss: Metric = {
  name: 'logloss',
  tasks: ['classification', 'multiclass'],
  better: 'lower',
  prepare: (sample) =>
    sample.width === undefined
      ? meanOverRows(sample, rowLogloss)
      : meanOverRows({ ...sample, scores: labelProbabilities(sample) }, (_label, score) =>
          rowLogloss(1, score),
        ),
};

export function rowLogloss(label: number, score: number): number {
  const probability = Math.min(1 - minProbability, Math.max(minProbability, score));
  return label === 1 ? -Math.log(probability) : -Math.log(1 - probability);
}

/**
 * Mean of (p − y)². G. W. Brier, "Verification of forecasts expressed in terms of probability",
 * Monthly Weather Review 78 (1950), halved as is usual for two classes.
 */
export const brier: Metric = {
  name: 'brier',
  tasks: ['classification'],
  better: 'lower',
  prepare: (sample) => meanOverRows(sample, (label, score) => (score - label) ** 2),
};

/** Share of rows with (label = 1) = (p ≥ ½); in multiclass, whose label is the predicted class. */
export const accuracy: Metric = {
  name: 'accuracy',
  tasks: ['classification', 'multiclass'],
  better: 'higher',
  prepare: (sample) =>
    sample.width === undefined
      ? meanOverRows(sample, (label, score) => ((label === 1) === score >= 0.5 ? 1 : 0))
      : meanOverRows(
          { ...sample, scores: predictedClasses(sample, sample.width) },
          (label, guess) => (label === guess ? 1 : 0),
        ),
};

function predictedClasses({ labels, scores }: ScoredSample, width: number): Float64Array {
  return Float64Array.from(labels, (_label, row) => predictedClass(scores, row * width, width));
}
