/** Two one-sided bounds of a quantile; a bound is null if the sample is too small for it. */
export interface QuantileBounds {
  readonly estimate: number;
  readonly lower: number | null;
  readonly upper: number | null;
}

/**
 * Bounds of a quantile for any distribution: the number of values at or below the quantile is
 * binomial (H. A. David and H. N. Nagaraja, "Order Statistics", 3rd ed. (2003), §7.1). For
 * latencies and costs, which have no upper limit. Values are assumed to be independent.
 */
export function quantileBounds(
  values: readonly number[],
  quantile: number,
  level: number,
): QuantileBounds | null {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  if (n === 0) return null;
  const tail = binomialTail(n, quantile);
  let lower: number | null = null;
  let upper: number | null = null;
  // X₍ᵣ₎ lies above the quantile when at most r − 1 values lie at or below it.
  for (let rank = 1; rank <= n; rank += 1) {
    if (1 - (tail[rank - 1] ?? 1) >= level) lower = sorted[rank - 1] ?? null;
    if (upper === null && (tail[rank - 1] ?? 0) >= level) upper = sorted[rank - 1] ?? null;
  }
  return {
    estimate: sorted[Math.min(n - 1, Math.max(0, Math.ceil(n * quantile) - 1))] ?? NaN,
    lower,
    upper,
  };
}

/** P(K ≤ k) for k = 0 … n. */
function binomialTail(n: number, p: number): Float64Array {
  const tail = new Float64Array(n + 1);
  let log = n * Math.log1p(-p);
  let sum = 0;
  for (let k = 0; k <= n; k += 1) {
    sum += Math.exp(log);
    tail[k] = Math.min(1, sum);
    log += Math.log((n - k) / (k + 1)) + Math.log(p) - Math.log1p(-p);
  }
  return tail;
}
