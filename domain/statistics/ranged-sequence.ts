import type { MeanRange, SequenceBounds } from './mean-sequence';
import { logMixture, mixedRoot } from './mixture';

/** An observation and its range, which must be known before it and must not depend on it. */
export interface RangedValue {
  readonly value: number;
  readonly min: number;
  readonly max: number;
}

export interface RangedState {
  readonly n: number;
  readonly sum: number;
  /** Log-wealth of bets on a high mean, per stake λ, without the term −λ·Σμᵢ. */
  readonly rising: readonly number[];
  /** The same for bets on a low mean. */
  readonly falling: readonly number[];
}

/**
 * The confidence sequence of `mean-sequence.ts` for observations with individual ranges. It
 * contains the running mean (μ₁ + … + μₙ)/n of the conditional means at all n at once, where μᵢ =
 * E[xᵢ | Fᵢ] and Fᵢ holds everything before xᵢ and its range aᵢ ≤ xᵢ ≤ bᵢ. The μᵢ and the ranges
 * may change in any way.
 *
 * For a fixed stake λ > 0, each observation multiplies the bet on a high mean by one of two
 * factors. The choice depends only on λ, aᵢ, bᵢ and the guess gᵢ, all known in Fᵢ:
 *   (1 + λ(xᵢ − gᵢ)) · exp(−λ(μᵢ − gᵢ))        if λ(gᵢ − aᵢ) ≤ 0.9, so that it is positive,
 *   exp(λ(xᵢ − μᵢ) − λ²(bᵢ − aᵢ)²/8)           otherwise.
 * The conditional mean of the first is (1 + λ(μᵢ − gᵢ))·exp(−λ(μᵢ − gᵢ)) ≤ 1 since 1 + z ≤ exp(z).
 * That of the second is at most 1 by Hoeffding's lemma (W. Hoeffding, JASA 58 (1963)). So any
 * product of such factors is a non-negative supermartingale, and so is a mixture over a fixed grid
 * of λ. Both factors depend on μᵢ through exp(−λμᵢ), so the product depends on the μᵢ through their
 * sum, and Ville's inequality gives the bound. Bets on a low mean use −xᵢ. See S. R. Howard, A.
 * Ramdas, J. McAuliffe and J. Sekhon, Annals of Statistics 49 (2021), for both factors and the
 * mixture.
 *
 * The range of a pair with two known scores is far narrower than the widest possible one. So the
 * stakes may be larger, and a statement takes three to ten times fewer observations.
 * @throws RangeError for an observation outside its range, or a range outside `range`
 */
export function extendRanged(
  state: RangedState,
  range: MeanRange,
  values: readonly RangedValue[],
): RangedState {
  let { n, sum } = state;
  const rising = [...state.rising];
  const falling = [...state.falling];
  const lambdas = stakesFor(range);
  const { guess } = range;
  for (const { value, min, max } of values) {
    if (!(value >= min && value <= max && min >= range.min && max <= range.max)) {
      throw new RangeError(
        `observation ${value} must lie in its range ${min} … ${max}, and this range in ${range.min} … ${range.max}`,
      );
    }
    const overall = Math.min(
      guess.max,
      Math.max(guess.min, (sum + (guessWeight * (guess.min + guess.max)) / 2) / (n + guessWeight)),
    );
    const guessed = Math.min(max, Math.max(min, overall));
    const deviation = value - guessed;
    for (let index = 0; index < stakes; index += 1) {
      const lambda = lambdas[index] ?? 0;
      const hoeffding = (lambda * (max - min)) ** 2 / 8;
      rising[index] =
        (rising[index] ?? 0) +
        (lambda * (guessed - min) <= boldest
          ? Math.log1p(lambda * deviation) + lambda * guessed
          : lambda * value - hoeffding);
      falling[index] =
        (falling[index] ?? 0) +
        (lambda * (max - guessed) <= boldest
          ? Math.log1p(-lambda * deviation) - lambda * guessed
          : -lambda * value - hoeffding);
    }
    n += 1;
    sum += value;
  }
  return { n, sum, rising, falling };
}

/** The largest share of a bet that one observation may lose. */
const boldest = 0.9;
/**
 * Each stake is half of the previous one, from 32 divided by the widest range to one that suits 10⁸
 * observations.
 */
const stakes = 16;
const halvings = Array.from({ length: stakes }, (_, index) => 2 ** -index);
/** The weights favour stakes for differences of a few thousandths of the range. */
const bells = halvings.map((_, index) => 1 / (1 + ((index - 2.5) / 2) ** 2));
const bellSum = bells.reduce((sum, bell) => sum + bell, 0);
const logWeights = bells.map((bell) => Math.log(bell / bellSum));
/**
 * The guess is the mean so far, combined with ten observations at the middle of the guess range.
 */
const guessWeight = 10;

export function emptyRanged(): RangedState {
  return {
    n: 0,
    sum: 0,
    rising: new Array<number>(stakes).fill(0),
    falling: new Array<number>(stakes).fill(0),
  };
}

/**
 * Each bound is ever wrong with probability at most `alphaPerSide`. Without observations, the
 * bounds are the ends of the range.
 */
export function rangedBounds(
  state: RangedState,
  range: MeanRange,
  alphaPerSide: number,
): SequenceBounds {
  if (state.n === 0) return { lower: range.min, upper: range.max };
  const slopes = computeSlopes(range, state.n);
  const lower = mixedRoot({ logWeights, wealth: state.rising, slopes, alpha: alphaPerSide });
  const upper = -mixedRoot({ logWeights, wealth: state.falling, slopes, alpha: alphaPerSide });
  return { lower: Math.max(range.min, lower), upper: Math.min(range.max, upper) };
}

/**
 * Log-wealth of the mixed bets against "the mean is at most m" and "the mean is at least m". At
 * −log α a bound reaches m.
 */
export function rangedWealth(
  state: RangedState,
  range: MeanRange,
  m: number,
): { readonly atMost: number; readonly atLeast: number } {
  const slopes = computeSlopes(range, state.n);
  return {
    atMost: logMixture({ logWeights, wealth: state.rising, slopes }, m),
    atLeast: logMixture({ logWeights, wealth: state.falling, slopes }, -m),
  };
}

/** A forecast: the state after `times` as many observations like those so far. */
export function scaledRanged(state: RangedState, times: number): RangedState {
  const scaleWealth = (wealth: readonly number[]) => wealth.map((each) => each * times);
  const { n, sum, rising, falling } = state;
  return {
    n: n * times,
    sum: sum * times,
    rising: scaleWealth(rising),
    falling: scaleWealth(falling),
  };
}

function stakesFor({ min, max }: MeanRange): readonly number[] {
  return halvings.map((share) => (32 * share) / (max - min));
}

function computeSlopes(range: MeanRange, n: number): readonly number[] {
  return stakesFor(range).map((lambda) => lambda * n);
}
