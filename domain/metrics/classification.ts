import { meanOverRows } from './mean-loss';
import type { Metric } from './metric';

/** Probabilities are clipped to [0.001, 0.999], which bounds the loss of a row to 6.908: one confident mistake cannot outweigh a day. */
export const leastProbability = 0.001;

/**
 * Mean of −(y ln p + (1 − y) ln(1 − p)), natural logarithm, p clipped. A proper score: lowest for the true probability.
 * I. J. Good, "Rational Decisions", JRSS B 14 (1952).
 */
export const logloss: Metric = {
  name: 'logloss',
  task: 'classification',
  better: 'lower',
  prepare: (sample) => meanOverRows(sample, rowLogloss),
};

export function rowLogloss(label: number, score: number): number {
  const probability = Math.min(1 - leastProbability, Math.max(leastProbability, score));
  return label === 1 ? -Math.log(probability) : -Math.log(1 - probability);
}

/** Mean of (p − y)². G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78 (1950), halved as is usual for two classes. */
export const brier: Metric = {
  name: 'brier',
  task: 'classification',
  better: 'lower',
  prepare: (sample) => meanOverRows(sample, (label, score) => (score - label) ** 2),
};

/** Share of rows whose label is 1 exactly when p ≥ ½. */
export const accuracy: Metric = {
  name: 'accuracy',
  task: 'classification',
  better: 'higher',
  prepare: (sample) => meanOverRows(sample, (label, score) => ((label === 1) === score >= 0.5 ? 1 : 0)),
};
