/**
 * The effect of passages on the same questions: shares with and without them, the difference, and
 * the relative change. Pure.
 */
import { wilsonBounds } from '../../domain/statistics/wilson';
import { dayResamples } from '../../domain/statistics/day-resamples';
import { dayInterval, bootstrapReplicates } from '../../domain/statistics/interval';
import type { Seed } from '../../domain/statistics/random';

export interface WorthEstimate {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
}

const level = 0.95;
const levels = [(1 + level) / 2];
const seed: Seed = [5, 67, 51, 1];

/** Wilson interval. */
export function estimateShare(events: readonly boolean[]): WorthEstimate {
  const count = events.filter(Boolean).length;
  return {
    value: count / events.length,
    ...wilsonBounds({ events: count, n: events.length }, level),
  };
}

/** For scores of one sample, or for differences of pairs. */
export function estimateMean(scores: readonly number[]): WorthEstimate | null {
  return resampled(scores.length, (weights) => weighted(scores, weights) / total(weights));
}

/** With minus without, per question. */
export function estimateDifference(
  without: readonly number[],
  with_: readonly number[],
): WorthEstimate | null {
  return estimateMean(with_.map((value, question) => value - (without[question] ?? NaN)));
}

/** (With − without) / without: 0.67 is two thirds more. Null if `without` is 0. */
export function estimateRelativeChange(
  without: readonly number[],
  with_: readonly number[],
): WorthEstimate | null {
  return resampled(without.length, (weights) => {
    const before = weighted(without, weights);
    return before === 0 ? NaN : (weighted(with_, weights) - before) / before;
  });
}

/** Resamples whole questions with both answers; the bounds are BCa. */
function resampled(
  questions: number,
  statistic: (weights: ArrayLike<number>) => number,
): WorthEstimate | null {
  if (questions < 2) return null;
  const resamples = dayResamples({ days: questions, replicates: bootstrapReplicates, seed });
  const interval = dayInterval({
    statistic,
    resamples,
    levels,
    days: questions,
    correlation: 0,
  })?.interval;
  const bounds = interval?.bounds[0];
  if (interval === undefined || bounds?.lower == null || bounds.upper == null) return null;
  return { value: interval.estimate, lower: bounds.lower, upper: bounds.upper };
}

function weighted(values: readonly number[], weights: ArrayLike<number>): number {
  return values.reduce((sum, value, question) => sum + value * (weights[question] ?? 0), 0);
}

function total(weights: ArrayLike<number>): number {
  let sum = 0;
  for (let question = 0; question < weights.length; question += 1) sum += weights[question] ?? 0;
  return sum;
}
