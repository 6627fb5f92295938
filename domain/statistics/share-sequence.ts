import type { SequenceBounds } from './mean-sequence';
import { logSumExp } from './mixture';

/**
 * Requests, and how many of them were an event such as an error: two numbers are all that the
 * sequence needs.
 */
export interface ShareState {
  readonly n: number;
  readonly events: number;
}

/**
 * A confidence sequence for the running mean of conditional probabilities of yes-or-no
 * observations, valid at all n at once whatever the probabilities do: for each λ > 0, exp(λ·events
 * − Σ log(1 + pᵢ(e^λ − 1))) is a martingale, and as the logarithm is concave the sum is at most
 * n·log(1 + p̄(e^λ − 1)). Mixed over a fixed grid of λ; Ville's inequality. The sub-Bernoulli
 * process of S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, "Time-uniform Chernoff bounds via
 * nonnegative supermartingales", Probability Surveys 17 (2020), table 3. Far sharper than bounds
 * for any bounded observation where events are rare.
 */
export function shareBounds({ n, events }: ShareState, alphaPerSide: number): SequenceBounds {
  return {
    lower: lowestShare(n, events, alphaPerSide),
    upper: 1 - lowestShare(n, n - events, alphaPerSide),
  };
}

export function addShare(state: ShareState, more: ShareState): ShareState {
  return { n: state.n + more.n, events: state.events + more.events };
}

/** Log odds ratios between what is feared and what is allowed: from 400 to 1 down to 1.01 to 1. */
const tilts = Array.from({ length: 10 }, (_, index) => 6 / 2 ** index);
const gains = tilts.map((tilt) => Math.expm1(tilt));
const logWeight = -Math.log(tilts.length);

function lowestShare(n: number, events: number, alpha: number): number {
  if (events === 0) return 0;
  const isTooLow = (share: number) => wealthAgainstShare({ n, events }, share) >= -Math.log(alpha);
  let [low, high] = [0, events / n];
  for (let halving = 0; halving < 50; halving += 1) {
    const middle = (low + high) / 2;
    if (isTooLow(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * Logarithm of what the mixed bets have won against "the share is at most this"; at −log α the
 * lower bound passes it. Falls as the share grows.
 */
export function wealthAgainstShare({ n, events }: ShareState, share: number): number {
  return logSumExp(
    tilts.map(
      (tilt, index) => logWeight + tilt * events - n * Math.log1p(share * (gains[index] ?? NaN)),
    ),
  );
}
