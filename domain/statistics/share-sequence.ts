import type { SequenceBounds } from './mean-sequence';
import { logSumExp } from './mixture';

/** Requests, and how many of them were an event such as an error: two numbers are all that the sequence needs. */
export interface ShareState {
  readonly n: number;
  readonly events: number;
}

/**
 * A confidence sequence for the running mean of conditional probabilities of yes-or-no observations, valid at all n at once whatever the probabilities do: for
 * each λ > 0, exp(λ·events − Σ log(1 + pᵢ(e^λ − 1))) is a martingale, and as the logarithm is concave the sum is at most n·log(1 + p̄(e^λ − 1)). Mixed over a
 * fixed grid of λ; Ville's inequality. The sub-Bernoulli process of S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, "Time-uniform Chernoff bounds via nonnegative
 * supermartingales", Probability Surveys 17 (2020), table 3. Far sharper than bounds for any bounded observation where events are rare.
 */
export function shareBounds({ n, events }: ShareState, alphaPerSide: number): SequenceBounds {
  return { lower: lowestShare(n, events, alphaPerSide), upper: 1 - lowestShare(n, n - events, alphaPerSide) };
}

export function addShare(state: ShareState, more: ShareState): ShareState {
  return { n: state.n + more.n, events: state.events + more.events };
}

/** Log odds ratios between what is feared and what is allowed: from 400 to 1 down to 1.01 to 1. */
const tilts = Array.from({ length: 10 }, (_, index) => 6 / 2 ** index);
const logWeight = -Math.log(tilts.length);

function lowestShare(n: number, events: number, alpha: number): number {
  if (events === 0) return 0;
  // Falls as p grows, so bisection finds the largest p that is still rejected.
  const rejected = (p: number) => {
    const logs = tilts.map((tilt) => logWeight + tilt * events - n * Math.log1p(p * Math.expm1(tilt)));
    return logSumExp(logs) >= -Math.log(alpha);
  };
  let [low, high] = [0, events / n];
  if (!rejected(low)) return 0;
  for (let halving = 0; halving < 50; halving += 1) {
    const middle = (low + high) / 2;
    if (rejected(middle)) low = middle;
    else high = middle;
  }
  return low;
}
