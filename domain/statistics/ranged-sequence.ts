import type { MeanRange, SequenceBounds } from './mean-sequence';
import { logMixture, mixedRoot } from './mixture';

/**
 * An observation, and what it could have been by what was known before it: the range must not
 * depend on the observation itself.
 */
export interface RangedValue {
  readonly value: number;
  readonly min: number;
  readonly max: number;
}

export interface RangedState {
  readonly n: number;
  readonly sum: number;
  /**
   * For each stake λ, the logarithm of what a bet has won that the mean is high, but for its term
   * −λ·Σμᵢ.
   */
  readonly rising: readonly number[];
  /** Likewise that it is low. */
  readonly falling: readonly number[];
}

/**
 * The confidence sequence of `mean-sequence.ts` for observations whose range is known one by one:
 * it encloses the running mean (μ₁ + … + μₙ)/n of the conditional means at all n at once, where μᵢ
 * = E[xᵢ | Fᵢ] and Fᵢ holds all that came before xᵢ and the range aᵢ ≤ xᵢ ≤ bᵢ. Nothing is asked of
 * how the μᵢ or the ranges move.
 *
 * For a fixed stake λ > 0 each observation multiplies the bet that the mean is high by one of two
 * factors, chosen by λ, aᵢ, bᵢ and the guess gᵢ alone, all known in Fᵢ:
 *   (1 + λ(xᵢ − gᵢ)) · exp(−λ(μᵢ − gᵢ))        where λ(gᵢ − aᵢ) ≤ 0.9, so that it is positive,
 *   exp(λ(xᵢ − μᵢ) − λ²(bᵢ − aᵢ)²/8)           elsewhere.
 * The conditional mean of the first is (1 + λ(μᵢ − gᵢ))·exp(−λ(μᵢ − gᵢ)) ≤ 1 since 1 + z ≤ exp(z);
 * that of the second is at most 1 by Hoeffding's lemma (W. Hoeffding, JASA 58 (1963)). A product of
 * such factors is a non-negative supermartingale whichever is chosen when, and so is a mixture over
 * a fixed grid of λ. Both factors depend on μᵢ through exp(−λμᵢ), so the product depends on the μᵢ
 * through their sum; Ville's inequality gives the bound. Bets that the mean is low are the same of
 * −xᵢ. See S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, Annals of Statistics 49 (2021), for
 * both factors and the mixture.
 *
 * Where a range is far narrower than the widest possible one, as that of a pair whose two scores
 * are known and whose label is not, the stakes may be larger by as much, and a statement takes
 * three to ten times fewer observations. An observation whose range is one point costs and gains
 * nothing.
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
        `${value} lies outside ${min} … ${max}, or that outside ${range.min} … ${range.max}`,
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

/** The greatest share of a bet that one observation may lose. */
const boldest = 0.9;
/**
 * Stakes halve from one to the next, from 32 observations' worth of the widest range to what still
 * suits 10⁸ observations.
 */
const stakes = 16;
const halvings = Array.from({ length: stakes }, (_, index) => 2 ** -index);
/**
 * The most useful stakes weigh most: those for differences of some thousandths of the range between
 * scores that are alike.
 */
const bells = halvings.map((_, index) => 1 / (1 + ((index - 2.5) / 2) ** 2));
const bellSum = bells.reduce((sum, bell) => sum + bell, 0);
const logWeights = bells.map((bell) => Math.log(bell / bellSum));
/** The guess is the mean so far and ten observations at the middle of the guessed range. */
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
 * Each bound fails, ever, with probability `alphaPerSide` at most. Before the first observation
 * they are the ends of the range.
 */
export function rangedBounds(
  state: RangedState,
  range: MeanRange,
  alphaPerSide: number,
): SequenceBounds {
  if (state.n === 0) return { lower: range.min, upper: range.max };
  const slopes = slopesOf(range, state.n);
  const lower = mixedRoot({ logWeights, wealth: state.rising, slopes, alpha: alphaPerSide });
  const upper = -mixedRoot({ logWeights, wealth: state.falling, slopes, alpha: alphaPerSide });
  return { lower: Math.max(range.min, lower), upper: Math.min(range.max, upper) };
}

/**
 * Logarithms of what the mixed bets have won against "the mean is at most m" and "the mean is at
 * least m"; at −log α a bound passes m.
 */
export function rangedWealth(
  state: RangedState,
  range: MeanRange,
  m: number,
): { readonly atMost: number; readonly atLeast: number } {
  const slopes = slopesOf(range, state.n);
  return {
    atMost: logMixture({ logWeights, wealth: state.rising, slopes }, m),
    atLeast: logMixture({ logWeights, wealth: state.falling, slopes }, -m),
  };
}

/** The state after `times` as many observations like those so far: what a forecast rests on. */
export function scaledRanged(state: RangedState, times: number): RangedState {
  const scaled = (wealth: readonly number[]) => wealth.map((each) => each * times);
  const { n, sum, rising, falling } = state;
  return { n: n * times, sum: sum * times, rising: scaled(rising), falling: scaled(falling) };
}

function stakesFor({ min, max }: MeanRange): readonly number[] {
  return halvings.map((share) => (32 * share) / (max - min));
}

function slopesOf(range: MeanRange, n: number): readonly number[] {
  return stakesFor(range).map((lambda) => lambda * n);
}
