import type { Digest } from '../../dataset/artifact';

/**
 * Which candidate of a model this one is on a holdout. The registry counts; a candidate that is
 * judged again keeps its number.
 */
export interface Attempt {
  /**
   * Of the rows' times and labels, or of the case set: what was judged on, whatever columns or
   * features a model reads of it.
   */
  readonly holdout: Digest;
  /** From 1. */
  readonly number: number;
}

/**
 * After so many candidates a holdout has nothing left to say: the next one would need a bound that
 * 1 in 40,000 holdouts misses.
 */
export const mostAttempts = 10;

/** What the first candidate gets of 1 − confidence: nearly all, as most holdouts judge one. */
const firstShare = 0.8;

/**
 * The share of a gate's error (1 − confidence) that the n-th candidate on a holdout may spend: 0.8
 * for the first, then 0.2/(n(n − 1)). The shares add up to 1 over any number of candidates, so by
 * Bonferroni's inequality a holdout lets one of many bad candidates pass with probability 1 −
 * confidence at most. Alpha spending in the manner of D. P. Foster and R. A. Stine, "α-investing",
 * JRSS B 70 (2008), without earning anything back.
 */
export function alphaShare(attempt: number): number {
  return attempt <= 1 ? firstShare : (1 - firstShare) / (attempt * (attempt - 1));
}

/**
 * The confidence that a gate needs when it judges this attempt. To ten decimals, so that evidence
 * and gates name one number.
 */
export function confidenceAt(confidence: number, attempt: number): number {
  return Number((1 - (1 - confidence) * alphaShare(attempt)).toFixed(10));
}

/** What people read of it: "judged 3 times on this holdout". */
export function timesJudged({ number }: Attempt, what = 'holdout'): string {
  return `judged ${number === 1 ? 'once' : `${number} times`} on this ${what}`;
}
