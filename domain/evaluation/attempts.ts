import type { Digest } from '../artifact';

/**
 * The number of this candidate among those evaluated on one holdout. The registry counts them; a
 * repeated evaluation of a candidate keeps its number.
 */
export interface Attempt {
  /** Digest of the rows' times and labels, or of the case set; independent of features. */
  readonly holdout: Digest;
  /** From 1. */
  readonly number: number;
}

/** The most candidates on one holdout: the next one would need a confidence of 1 − 1/40,000. */
export const maxAttempts = 10;

/** The first candidate's share of 1 − confidence; large, because most holdouts have only one. */
const firstShare = 0.8;

/**
 * The share of a gate's error (1 − confidence) for the n-th candidate on a holdout: 0.8 for the
 * first, then 0.2/(n(n − 1)). The shares sum to 1, so by Bonferroni's inequality any bad candidate
 * of a holdout passes with probability 1 − confidence at most. Alpha spending after D. P. Foster
 * and R. A. Stine, "α-investing", JRSS B 70 (2008), without returns.
 */
export function alphaShare(attempt: number): number {
  return attempt <= 1 ? firstShare : (1 - firstShare) / (attempt * (attempt - 1));
}

/**
 * The confidence that a gate needs for this attempt. Rounded to ten decimals, so that evidence and
 * gates have the same number.
 */
export function confidenceAt(confidence: number, attempt: number): number {
  return Number((1 - (1 - confidence) * alphaShare(attempt)).toFixed(10));
}

/** `attempt 3 on this holdout` */
export function attemptText({ number }: Attempt, what = 'holdout'): string {
  return `attempt ${number} on this ${what}`;
}
