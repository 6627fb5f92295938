/**
 * A test of planned shares that may be evaluated after every observation: the Bayes factor of a
 * Dirichlet prior around the shares against the shares themselves. It is an e-process, so it ever
 * exceeds 1/α with probability at most α, whatever the number of looks (Lindon and Malek,
 * "Anytime-valid inference for multinomial count data", NeurIPS 2022).
 */
export interface ShareCount {
  /** The planned share; all shares add up to 1. */
  readonly share: number;
  readonly n: number;
}

/**
 * The weight of the prior, in observations: it expects shares within a few points of the planned
 * ones, which is what a broken assignment looks like.
 */
const priorWeight = 200;

/** The natural logarithm of the e-value. It depends on the counts only, not on their order. */
export function logEvidenceAgainstShares(counts: readonly ShareCount[]): number {
  const n = counts.reduce((sum, each) => sum + each.n, 0);
  return counts.reduce(
    (sum, { share, n: count }) => {
      const prior = priorWeight * share;
      return sum + logGamma(prior + count) - logGamma(prior) - count * Math.log(share);
    },
    logGamma(priorWeight) - logGamma(priorWeight + n),
  );
}

/** ln Γ(x) for x > 0, by Stirling's series after shifting x above 10; the error is below 1e-12. */
function logGamma(x: number): number {
  let [shifted, product] = [x, 1];
  while (shifted < 10) {
    product *= shifted;
    shifted += 1;
  }
  const inverse = 1 / shifted;
  const square = inverse * inverse;
  const series =
    inverse *
    (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))));
  return (
    (shifted - 0.5) * Math.log(shifted) -
    shifted +
    0.5 * Math.log(2 * Math.PI) +
    series -
    Math.log(product)
  );
}
