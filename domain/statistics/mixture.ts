export interface Mixture {
  readonly logWeights: readonly number[];
  /** Log-wealth of each bet at m = 0. */
  readonly wealth: readonly number[];
  /** Decrease of each log-wealth per unit of m; above 0. */
  readonly slopes: readonly number[];
}

/** The m at which Σ exp(logWeight + wealth − slope·m) = 1/alpha, rounded down. */
export function mixedRoot(mixture: Mixture & { readonly alpha: number }): number {
  const { logWeights, wealth, slopes, alpha } = mixture;
  const roots = (weightOf: (index: number) => number) =>
    wealth.map(
      (each, index) => (each + weightOf(index) + Math.log(alpha)) / (slopes[index] ?? NaN),
    );
  // The weights sum to 1. So the root is at least that of any weighted bet, and at most the largest
  // root of the unweighted bets.
  let low = Math.max(...roots((index) => logWeights[index] ?? 0));
  let high = Math.max(...roots(() => 0));
  for (let halving = 0; halving < 60 && high - low > 1e-12 * (1 + Math.abs(low)); halving += 1) {
    const middle = (low + high) / 2;
    if (logMixture(mixture, middle) >= -Math.log(alpha)) low = middle;
    else high = middle;
  }
  // The wider end, so that rounding never makes a bound too narrow.
  return low;
}

/** log Σ exp(logWeight + wealth − slope·m). */
export function logMixture({ logWeights, wealth, slopes }: Mixture, at: number): number {
  return logSumExp(
    logWeights.map(
      (weight, index) => weight + (wealth[index] ?? NaN) - (slopes[index] ?? NaN) * at,
    ),
  );
}

/** log Σ exp(each), without overflow. */
export function logSumExp(logs: readonly number[]): number {
  let most = -Infinity;
  for (const each of logs) most = Math.max(most, each);
  let sum = 0;
  for (const each of logs) sum += Math.exp(each - most);
  return most + Math.log(sum);
}
