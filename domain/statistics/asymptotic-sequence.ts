/**
 * Half the width of a confidence sequence for the mean of independent observations of one
 * distribution, from their number and variance. It holds at all numbers at once, up to an error that
 * vanishes as they grow, so it must not be asked with fewer than some 20. Where the range of the
 * observations is known and narrow, `mean-sequence.ts` needs no such approximation.
 *
 * I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy and A. Ramdas, "Time-uniform central limit
 * theory and asymptotic confidence sequences", Annals of Statistics 52 (2024), theorem 2.2, with the
 * width tuned for `tunedFor` observations (their appendix B.2); H. Robbins, Annals of Mathematical
 * Statistics 41 (1970).
 * @param alpha for both sides together
 */
export function asymptoticRadius(
  { rows, variance }: { readonly rows: number; readonly variance: number },
  alpha: number,
  tunedFor = 50,
): number {
  const twice = -2 * Math.log(alpha);
  const spread = (twice + Math.log(twice) + 1) / tunedFor;
  const grown = rows * spread + 1;
  return Math.sqrt(
    (variance * 2 * grown * Math.log(Math.sqrt(grown) / alpha)) / (rows ** 2 * spread),
  );
}
