import { meanBounds, computeMean, type SequenceBounds } from '../../statistics/mean-sequence';
import type { PairsEvidence } from './evidence';
import { errorRange, noLabels, judgeObstacles } from './judge-labels';
import { alphaBudget, type RolloutPolicy } from '../policy';

/**
 * The error of a judge in the difference between two versions. For each version, the share that
 * the judge calls right is the true share plus the mean of (verdict − truth). So the true
 * difference is the judge's difference, corrected by the difference of these means. Labels of a
 * random part of the same pairs estimate it: prediction-powered inference (A. Angelopoulos, S.
 * Bates, C. Fannjiang, M. Jordan and T. Zrnic, Science 382 (2023)).
 *
 * This assumes nothing about how the judge errs. Both means have confidence sequences, and
 * `alphaBudget` gives half of a statement's error to each. The judge still may not decide while
 * labels are missing, or if its error rates differ between the versions (`judgeObstacles`).
 */
export interface JudgeError {
  /** Why the verdicts may not decide. The bounds are then −1 and 1. */
  readonly whyNot: readonly string[];
  /** Bounds of the mean of (verdict − label), challenger minus champion. */
  readonly errors: SequenceBounds;
  readonly estimate: number;
  /**
   * Share of the judged pairs without a verdict on both answers. They count as the worst case for
   * one bound and the best case for the other (C. F. Manski, American Economic Review 80 (1990)).
   */
  readonly missing: number;
}

/** `n`: judged pairs with both verdicts. Null if no judge scores the answers. */
export function estimateJudgeError(
  policy: RolloutPolicy,
  { unscored, judge: labels = noLabels }: Pick<PairsEvidence, 'unscored' | 'judge'>,
  n: number,
): JudgeError | null {
  if (policy.quality.answers?.judge === undefined) return null;
  const { lower, upper } = meanBounds(labels.errors, errorRange, alphaBudget(policy).calibration);
  return {
    whyNot: judgeObstacles(labels),
    // Pairs with two blocked answers are not labelled, and their error is 0. So the mean over all
    // pairs lies between 0 and the mean of the labelled ones.
    errors: { lower: Math.min(0, lower), upper: Math.max(0, upper) },
    estimate: computeMean(labels.errors) ?? 0,
    missing: unscored / Math.max(1, n + unscored),
  };
}

/**
 * Bounds of the true difference in loss over all judged pairs. A loss is 1 − score, so a judge that
 * favours the challenger makes its loss too small, and the error is added.
 */
export function correctedBounds(
  { lower, upper }: SequenceBounds,
  { whyNot, errors, missing }: JudgeError,
): SequenceBounds {
  if (whyNot.length > 0) return { lower: -1, upper: 1 };
  const [best, worst] = [lower + errors.lower, upper + errors.upper];
  return {
    lower: inUnit(inUnit(best) * (1 - missing) - missing),
    upper: inUnit(inUnit(worst) * (1 - missing) + missing),
  };
}

/** The estimate of the true difference, over the pairs with both verdicts. */
export function correctedDifference(observed: number, { estimate }: JudgeError): number {
  return inUnit(observed + estimate);
}

/** The limit of the observed upper bound at which the true upper bound equals `limit`. */
export function observedLimit(limit: number, { whyNot, errors, missing }: JudgeError): number {
  if (whyNot.length > 0) return -Infinity;
  return (limit - missing) / (1 - missing) - errors.upper;
}

/** A difference of two shares lies between −1 and 1. */
function inUnit(difference: number): number {
  return Math.min(1, Math.max(-1, difference));
}
