/** Counts that are too unusual for a Poisson variable of a known rate. */

/**
 * The Chernoff bound of a tail: of P(X ≤ count) below the rate, and of P(X ≥ count) above it. It is
 * exact for a count of 0 and holds for any size (S. Boucheron, G. Lugosi and P. Massart,
 * "Concentration Inequalities" (2013), §2.2).
 */
export function poissonTailBound(count: number, rate: number): number {
  if (rate <= 0) return count > 0 ? 0 : 1;
  if (count === 0) return Math.exp(-rate);
  return Math.min(1, Math.exp(count - rate + count * Math.log(rate / count)));
}

/** The largest count whose lower tail is at most `alpha`; null if even 0 is not that unusual. */
export function unusuallyFew(rate: number, alpha: number): number | null {
  if (poissonTailBound(0, rate) > alpha) return null;
  return lastTrue(0, Math.floor(rate), (count) => poissonTailBound(count, rate) <= alpha);
}

/** The smallest count whose upper tail is at most `alpha`. @param rate above 0 */
export function unusuallyMany(rate: number, alpha: number): number {
  const isUsual = (count: number) => count <= rate || poissonTailBound(count, rate) > alpha;
  let high = Math.ceil(rate) + 1;
  while (isUsual(high)) high *= 2;
  return lastTrue(Math.floor(rate), high, isUsual) + 1;
}

/** The last number from `low` on for which `holds`, which is true at `low` and then becomes false. */
function lastTrue(low: number, high: number, holds: (count: number) => boolean): number {
  let [from, until] = [low, high + 1];
  while (until - from > 1) {
    const middle = Math.floor((from + until) / 2);
    if (holds(middle)) from = middle;
    else until = middle;
  }
  return from;
}
