import { logSumExp } from '../statistics/mixture';

/**
 * The bets against the hypothesis that, within a block, the shares of no set of bins exceed those of
 * the reference by more than a tolerance τ: P(A) ≤ Q(A) + τ for all sets A, which says that the
 * total variation distance of P and Q is at most τ.
 *
 * For a set A that is chosen before a row, with m = Q(A) + τ and a stake κ in (0, 1), the factor
 *   1 + κ(1[bin ∈ A]/m − 1)
 * is positive and has a conditional mean of at most 1, whatever A is. So the product over the rows
 * of a block is a non-negative supermartingale, and so is a mixture over a fixed grid of κ. By
 * Ville's inequality, it ever reaches c with probability at most 1/c. Rows of one batch share the
 * set, and their factors multiply to (1 + κ(1/m − 1))^inside · (1 − κ)^outside.
 *
 * S. Shekhar and A. Ramdas, "Nonparametric two-sample testing by betting", IEEE Transactions on
 * Information Theory 70 (2023); A. Podkopaev and A. Ramdas, "Sequential predictive two-sample and
 * independence testing", NeurIPS 2023; J. Ville, "Étude critique de la notion de collectif" (1939).
 */
export interface SetBet {
  /** Rows of the batch in the set, and outside. */
  readonly inside: number;
  readonly outside: number;
  /** Q(A) in the season of the batch. */
  readonly share: number;
}

/**
 * A share p of the rows grows the wealth fastest at a stake of about (p − m)/(1 − m), so the small
 * stakes find a share that is little above its allowance m, such as 3 % where 2 % are allowed.
 */
const stakes = [0.05, 0.15, 0.3, 0.5, 0.7, 0.9, 0.98, 0.02, 0.01, 0.005, 0.002];
const logLosses = stakes.map((stake) => Math.log1p(-stake));
const logWeight = -Math.log(stakes.length);

/** Log-wealth by stake at the start of a block. */
export function emptyWealth(): readonly number[] {
  return stakes.map(() => 0);
}

export function addBet(
  wealth: readonly number[],
  bet: SetBet,
  tolerance: number,
): readonly number[] {
  const allowed = bet.share + tolerance;
  // Such a set can never exceed its allowance. Rows outside it cost no stake.
  if (allowed >= 1) return wealth;
  const gain = 1 / Math.max(allowed, 1e-9) - 1;
  return stakes.map(
    (stake, index) =>
      (wealth[index] ?? 0) +
      bet.inside * Math.log1p(stake * gain) +
      bet.outside * (logLosses[index] ?? 0),
  );
}

/** The logarithm of the mixed wealth: the evidence of the block so far. */
export function logEvidence(wealth: readonly number[]): number {
  return logSumExp(wealth) + logWeight;
}

/**
 * The smallest tolerance at which the bets of one block never reach the threshold. The evidence
 * falls with the tolerance, so an alarm at tolerance τ means that this number is above τ. An
 * exception are bets on sets that can exceed their allowance at τ and not at a larger tolerance,
 * where the rows outside cost nothing. With them, the number may be one of several at which an alarm
 * ends.
 */
export function neededTolerance(bets: readonly SetBet[], threshold: number): number {
  if (bets.every(({ inside }) => inside === 0)) return 0;
  const isQuiet = (tolerance: number) => maxEvidence(bets, tolerance) < threshold;
  if (isQuiet(0)) return 0;
  let [low, high] = [0, 1];
  for (let halving = 0; halving < 12; halving += 1) {
    const middle = (low + high) / 2;
    if (isQuiet(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function maxEvidence(bets: readonly SetBet[], tolerance: number): number {
  let wealth = emptyWealth();
  let most = 0;
  for (const bet of bets) {
    wealth = addBet(wealth, bet, tolerance);
    // Rows outside the set only lower the evidence.
    if (bet.inside > 0) most = Math.max(most, logEvidence(wealth));
  }
  return most;
}
