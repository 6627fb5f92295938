import { wealthAgainstShare, type ShareState } from './share-sequence';

/**
 * Evidence that two groups have different shares of events, at all times at once. A hash puts each
 * request into a group. If the shares are equal, each event is therefore one of the first group with
 * the probability of that group's part of all requests, whatever happened before. So the confidence
 * sequence of shares holds for the first group's part of the events, on either side.
 *
 * Requests of one entity are all in one group. Counted per `requestsPerEntity`, they weigh as much as
 * if all of an entity had the same outcome (L. Kish, Survey Sampling (1965), §8.2).
 * @returns the natural logarithm of an e-value, at least ln(1/α) with probability at most α
 */
export function logEvidenceOfUnequalShares({
  one,
  other,
  requestsPerEntity,
}: {
  readonly one: ShareState;
  readonly other: ShareState;
  /** 1 or more. */
  readonly requestsPerEntity: number;
}): number {
  const n = (one.events + other.events) / requestsPerEntity;
  const part = one.n / (one.n + other.n);
  if (n === 0 || !(part > 0 && part < 1)) return -Infinity;
  const events = one.events / requestsPerEntity;
  const more = wealthAgainstShare({ n, events }, part);
  const fewer = wealthAgainstShare({ n, events: n - events }, 1 - part);
  // Each side has half of the error.
  return Math.max(more, fewer) - Math.LN2;
}
