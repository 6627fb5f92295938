import type { SequenceBounds } from './mean-sequence';
import { logSumExp } from './mixture';

/** Numbers of requests and of events among them, such as errors. */
export interface ShareState {
  readonly n: number;
  readonly events: number;
}

/**
 * A confidence sequence for the running mean of the conditional probabilities of binary
 * observations, valid at all n at once, however the probabilities change. For each λ > 0,
 * exp(λ·events − Σ log(1 + pᵢ(e^λ − 1))) is a martingale. The logarithm is concave, so the sum is
 * at most n·log(1 + p̄(e^λ − 1)). A mixture over a fixed grid of λ and Ville's inequality give the
 * bound.
 *
 * This is the sub-Bernoulli process of S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon,
 * "Time-uniform Chernoff bounds via nonnegative supermartingales", Probability Surveys 17 (2020),
 * table 3. If events are rare, it is far narrower than bounds for arbitrary bounded observations.
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

/** Log odds ratios of the alternative to the allowed share, from 400 down to 1.01. */
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
 * Log-wealth of the mixed bets against "the share is at most this". At −log α the lower bound
 * reaches it. Decreases in `share`.
 */
export function wealthAgainstShare({ n, events }: ShareState, share: number): number {
  return logSumExp(
    tilts.map(
      (tilt, index) => logWeight + tilt * events - n * Math.log1p(share * (gains[index] ?? NaN)),
    ),
  );
}
