import { youdenBounds, type YoudenBounds } from '../llm/evaluation/judge';
import type { SequenceBounds } from '../statistics/mean-sequence';
import { alphaBudget, type RolloutPolicy } from './policy';

/**
 * What a difference in what a judge calls right says of the difference in what is right. Of answers of which the share p is right, a judge of sensitivity se and specificity sp calls
 *   p·se + (1 − p)·(1 − sp) = (1 − sp) + J·p,  J = se + sp − 1
 * right (W. J. Rogan and B. Gladen, American Journal of Epidemiology 107 (1978); J is the index of W. J. Youden, Cancer 3 (1950)). Where it errs alike on both versions, 1 − sp falls out of
 * their difference, and the observed one is J times the true one: an imperfect judge makes every difference look smaller, and a worse challenger better than it is. So the
 * bounds of the observed difference are divided by J at whichever end of its own bounds makes them wider. "Worse by less than the margin" is then said when the observed upper bound is below
 * J's lower bound times the margin, and "worse than the margin" when the observed lower bound is above J's upper bound times it. Each is wrong when its bound of the difference fails or its bound of J
 * does; `alphaBudget` grants half to each.
 */
export interface JudgeError {
  readonly youden: YoudenBounds;
  /** Of the labelled pairs, those without a verdict on both answers: C. F. Manski (American Economic Review 80 (1990)) takes them at their worst for the one bound, at their best for the other. */
  readonly missing: number;
}

/** Null where no judge scores the answers. Throws a RangeError where one does of which nothing is known. */
export function judgeErrorOf(policy: RolloutPolicy, pairs: { readonly n: number; readonly unscored: number }): JudgeError | null {
  const judge = policy.quality.answers?.judge;
  if (judge === undefined) return null;
  if (judge.calibrated === undefined) throw new RangeError(`the judge ${judge.dimension} has no calibration`);
  const { n, unscored } = pairs;
  const youden = youdenBounds(judge.calibrated, levelWithin(alphaBudget(policy).calibration));
  return { youden: { ...youden, lower: Math.max(leastYouden, youden.lower) }, missing: unscored / Math.max(1, n + unscored) };
}

/**
 * The level at which a bound of J fails with probability `alpha`, or less. It is asked of a quarter: by exact reckoning over judges from 0.6 to 0.99 and 30 to 150 labels of each kind the normal
 * approximation fails up to twice as often as it says at 0.9975, and four times at 0.9996.
 */
export function levelWithin(alpha: number): number {
  return 1 - alpha / 4;
}

/** A judge that may be a coin says nothing, and divides by nothing. */
const leastYouden = 1e-9;

/** Of the true difference, over all labelled pairs. */
export function trueBounds({ lower, upper }: SequenceBounds, { youden, missing }: JudgeError): SequenceBounds {
  const [best, worst] = [lower / (lower >= 0 ? youden.upper : youden.lower), upper / (upper >= 0 ? youden.lower : youden.upper)];
  return { lower: inUnit(best * (1 - missing) - missing), upper: inUnit(worst * (1 - missing) + missing) };
}

/** Among the pairs with verdicts. */
export function trueDifference(observed: number, { youden }: JudgeError): number {
  return inUnit(observed / youden.estimate);
}

/** The observed upper bound has to be below it, for the true one to be below `limit`. */
export function observedLimit(limit: number, { youden, missing }: JudgeError): number {
  const ofVerdicts = (limit - missing) / (1 - missing);
  return ofVerdicts * (ofVerdicts >= 0 ? youden.lower : youden.upper);
}

/** A difference of two shares. */
function inUnit(difference: number): number {
  return Math.min(1, Math.max(-1, difference));
}
