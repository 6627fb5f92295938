import { meanBounds, meanOf, type SequenceBounds } from '../../statistics/mean-sequence';
import type { PairsEvidence } from './evidence';
import { errorRange, noLabels, whyNotYet } from './judge-labels';
import { alphaBudget, type RolloutPolicy } from '../policy';

/**
 * What a difference in what a judge calls right says of the difference in what is right. For each
 * version, the share that the judge calls right is the share that is right plus the mean of
 * (verdict − truth). So the true difference is the judge's difference corrected by the difference
 * of these means, which people's labels on a random part of the same pairs estimate:
 * prediction-powered inference (A. Angelopoulos, S. Bates, C. Fannjiang, M. Jordan and T. Zrnic,
 * Science 382 (2023)). Nothing is assumed of how the judge errs, on either version. Both means have
 * confidence sequences, and `alphaBudget` grants half of a statement's error to each.
 *
 * The judge may still not decide while labels are missing, or where it errs differently on the two
 * versions (`whyNotYet`).
 */
export interface JudgeError {
  /** Why its verdicts may not decide. Bounds are then as wide as can be. */
  readonly whyNot: readonly string[];
  /** Of the mean of (verdict − label) of the challenger's answers less that of the champion's. */
  readonly errors: SequenceBounds;
  readonly estimate: number;
  /**
   * Of the judged pairs, those without a verdict on both answers: C. F. Manski (American Economic
   * Review 80 (1990)) takes them at their worst for the one bound, at their best for the other.
   */
  readonly missing: number;
}

/** `n`: judged pairs that are compared. Null where no judge scores the answers. */
export function judgeErrorOf(
  policy: RolloutPolicy,
  { unscored, judge: labels = noLabels }: Pick<PairsEvidence, 'unscored' | 'judge'>,
  n: number,
): JudgeError | null {
  if (policy.quality.answers?.judge === undefined) return null;
  const { lower, upper } = meanBounds(labels.errors, errorRange, alphaBudget(policy).calibration);
  return {
    whyNot: whyNotYet(labels),
    // People see no pair of which both answers were kept back. On those the error is 0, so the mean
    // over all pairs lies between 0 and theirs.
    errors: { lower: Math.min(0, lower), upper: Math.max(0, upper) },
    estimate: meanOf(labels.errors) ?? 0,
    missing: unscored / Math.max(1, n + unscored),
  };
}

/**
 * Of the true difference in loss, over all judged pairs. A loss is 1 less what an answer is worth,
 * so a judge that is kind to the challenger makes its loss too small.
 */
export function trueBounds(
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

/** Among the pairs with verdicts. */
export function trueDifference(observed: number, { estimate }: JudgeError): number {
  return inUnit(observed + estimate);
}

/** The observed upper bound has to be below it, for the true one to be below `limit`. */
export function observedLimit(limit: number, { whyNot, errors, missing }: JudgeError): number {
  if (whyNot.length > 0) return -Infinity;
  return (limit - missing) / (1 - missing) - errors.upper;
}

/** A difference of two shares. */
function inUnit(difference: number): number {
  return Math.min(1, Math.max(-1, difference));
}
