/**
 * How much more the counts of the same blocks differ from week to week than those of independent
 * requests: their variance divided by their mean, at least 1. Batches of n rows at random times have
 * n. It is the factor of a quasi-Poisson model (R. W. M. Wedderburn, Biometrika 61 (1974)).
 *
 * It is the median over groups, so that an outage of a day does not count. Each ratio of ν + 1 counts
 * is divided by the median of its distribution, about (1 − 2/(9ν))³ (E. B. Wilson and M. M. Hilferty,
 * PNAS 17 (1931)).
 * @param groups counts of the same block in several weeks, such as all Mondays from 14:00 to 15:00
 */
export function estimateDispersion(groups: readonly (readonly number[])[]): number {
  const ratios = groups.flatMap((counts) => {
    const mean = counts.reduce((sum, each) => sum + each, 0) / counts.length;
    const freedom = counts.length - 1;
    if (freedom < 1 || mean === 0) return [];
    const squares = counts.reduce((sum, each) => sum + (each - mean) ** 2, 0);
    return [squares / freedom / mean / (1 - 2 / (9 * freedom)) ** 3];
  });
  const sorted = ratios.sort((a, b) => a - b);
  return Math.max(1, sorted[Math.floor(sorted.length / 2)] ?? 1);
}
