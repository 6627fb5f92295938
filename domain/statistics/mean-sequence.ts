import { logMixture, mixedRoot } from './mixture';

/**
 * A confidence sequence for the *running mean of conditional means* of bounded observations: with
 * μᵢ = E[xᵢ | everything before i], it encloses (μ₁ + … + μₙ)/n at all n at once, whoever looks and
 * stops whenever. Nothing is asked of how the μᵢ move, so days may differ as they like; the claim
 * is about the traffic that was seen, not about days to come.
 *
 * For each stake λ of a fixed grid, with a guess gᵢ made before xᵢ and λ(gᵢ − min) < 1,
 *   ∏ (1 + λ(xᵢ − gᵢ)) · exp(−λ Σ(μᵢ − gᵢ))
 * is a non-negative supermartingale, since E[1 + λ(xᵢ − gᵢ) | past] = 1 + λ(μᵢ − gᵢ) ≤ exp(λ(μᵢ −
 * gᵢ)). It depends on the μᵢ through their mean alone. A mixture over the grid is one too, and by
 * Ville's inequality it ever exceeds 1/α with probability α at most. That is the
 * empirical-Bernstein process of S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon,
 * "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49
 * (2021), theorem 4, before their last step, which bounds log(1 + z) from below by a quadratic (X.
 * Fan, I. Grama and Q. Liu, Electronic Journal of Probability 20 (2015)) and costs most where the
 * noise is small beside the range. I. Waudby-Smith and A. Ramdas, "Estimating means of bounded
 * random variables by betting", JRSS B 86 (2024), let the stakes move with what was seen; such bets
 * enclose a mean only if all μᵢ are equal, which days do not grant.
 */
export interface MeanState {
  readonly n: number;
  readonly sum: number;
  /** Σ [log(1 + λₖ(xᵢ − gᵢ)) + λₖgᵢ] for each stake: wealth of a bet that the mean is high. */
  readonly rising: readonly number[];
  /** Σ [log(1 − λₖ(xᵢ − gᵢ)) − λₖgᵢ]: of a bet that it is low. */
  readonly falling: readonly number[];
}

/**
 * Where observations lie, and where their mean is guessed to be: a wrong guess costs width, never
 * validity.
 */
export interface MeanRange {
  readonly min: number;
  readonly max: number;
  readonly guess: { readonly min: number; readonly max: number };
}

export interface SequenceBounds {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Stakes halve from one to the next: the least of twelve still suits 10⁸ observations, and a stake
 * that is off by √2 grows at 83 % of the best one's rate or more.
 */
const stakes = 12;
const halvings = Array.from({ length: stakes }, (_, index) => 2 ** -index);
/** The greatest stake, as a share of the one at which a single observation could ruin the bet. */
const boldest = 0.95;
/**
 * Large stakes weigh more, as it is the early looks that they serve: 1/(k(k+1)), brought to a sum
 * of 1.
 */
const logWeights = Array.from(
  { length: stakes },
  (_, index) => -Math.log((index + 1) * (index + 2) * (1 - 1 / (stakes + 1))),
);
/** The guess is the mean so far and ten observations at the middle of the guessed range. */
const guessWeight = 10;

export function emptyMean(): MeanState {
  return {
    n: 0,
    sum: 0,
    rising: new Array<number>(stakes).fill(0),
    falling: new Array<number>(stakes).fill(0),
  };
}

/**
 * Adds observations in their order. Throws a RangeError on one outside the range, whose bet would
 * be void.
 */
export function extendMean(
  state: MeanState,
  range: MeanRange,
  values: readonly number[],
): MeanState {
  let { n, sum } = state;
  const rising = [...state.rising];
  const falling = [...state.falling];
  const { up, down } = boldestStakes(range);
  const { guess } = range;
  for (const value of values) {
    if (!(value >= range.min && value <= range.max))
      throw new RangeError(`${value} lies outside ${range.min} … ${range.max}`);
    const guessed = Math.min(
      guess.max,
      Math.max(guess.min, (sum + (guessWeight * (guess.min + guess.max)) / 2) / (n + guessWeight)),
    );
    const deviation = value - guessed;
    for (let index = 0; index < stakes; index += 1) {
      const [high, low] = [up * (halvings[index] ?? 0), down * (halvings[index] ?? 0)];
      rising[index] = (rising[index] ?? 0) + Math.log1p(high * deviation) + high * guessed;
      falling[index] = (falling[index] ?? 0) + Math.log1p(-low * deviation) - low * guessed;
    }
    n += 1;
    sum += value;
  }
  return { n, sum, rising, falling };
}

export function meanOf(state: { readonly n: number; readonly sum: number }): number | null {
  return state.n === 0 ? null : state.sum / state.n;
}

/**
 * Each bound fails, ever, with probability `alphaPerSide` at most. Before the first observation
 * they are the ends of the range.
 */
export function meanBounds(
  state: MeanState,
  range: MeanRange,
  alphaPerSide: number,
): SequenceBounds {
  if (state.n === 0) return { lower: range.min, upper: range.max };
  const { up, down } = boldestStakes(range);
  // The mixture of exp(wealth − λ·n·m) falls as m grows: every m at which it still reaches 1/α is
  // too low.
  const lower = mixedRoot({
    logWeights,
    wealth: state.rising,
    slopes: slopesOf(up, state.n),
    alpha: alphaPerSide,
  });
  const upper = -mixedRoot({
    logWeights,
    wealth: state.falling,
    slopes: slopesOf(down, state.n),
    alpha: alphaPerSide,
  });
  return { lower: Math.max(range.min, lower), upper: Math.min(range.max, upper) };
}

/**
 * Logarithms of what the mixed bets have won against "the mean is at most m" and "the mean is at
 * least m"; at −log α a bound passes m.
 */
export function wealthAgainst(
  state: MeanState,
  range: MeanRange,
  m: number,
): { readonly atMost: number; readonly atLeast: number } {
  const { up, down } = boldestStakes(range);
  return {
    atMost: logMixture({ logWeights, wealth: state.rising, slopes: slopesOf(up, state.n) }, m),
    atLeast: logMixture({ logWeights, wealth: state.falling, slopes: slopesOf(down, state.n) }, -m),
  };
}

/**
 * The state after `times` as many observations like those so far, with the same mean and spread:
 * what a forecast rests on.
 */
export function scaledMean(state: MeanState, times: number): MeanState {
  const scaled = (wealth: readonly number[]) => wealth.map((each) => each * times);
  const { n, sum, rising, falling } = state;
  return { n: n * times, sum: sum * times, rising: scaled(rising), falling: scaled(falling) };
}

/**
 * For bets on a high mean only the distance below the guess can ruin, for bets on a low mean only
 * the one above.
 */
function boldestStakes({ min, max, guess }: MeanRange): {
  readonly up: number;
  readonly down: number;
} {
  return { up: boldest / (guess.max - min), down: boldest / (max - guess.min) };
}

function slopesOf(most: number, n: number): readonly number[] {
  return halvings.map((share) => most * share * n);
}
