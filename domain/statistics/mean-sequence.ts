import { logMixture, mixedRoot } from './mixture';

/**
 * A confidence sequence for the *running mean of conditional means* of bounded observations. With
 * μᵢ = E[xᵢ | everything before i], it contains (μ₁ + … + μₙ)/n at all n at once, under any
 * stopping rule. The μᵢ may change in any way, so days may differ. The statement is about the
 * observed traffic, not about future days.
 *
 * For each stake λ of a fixed grid, with a guess gᵢ made before xᵢ and λ(gᵢ − min) < 1,
 *   ∏ (1 + λ(xᵢ − gᵢ)) · exp(−λ Σ(μᵢ − gᵢ))
 * is a non-negative supermartingale, since E[1 + λ(xᵢ − gᵢ) | past] = 1 + λ(μᵢ − gᵢ) ≤ exp(λ(μᵢ −
 * gᵢ)). It depends on the μᵢ only through their mean. A mixture over the grid is one too, and by
 * Ville's inequality it ever exceeds 1/α with probability at most α.
 *
 * This is the empirical-Bernstein process of S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon,
 * "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49
 * (2021), theorem 4. It omits their last step, a quadratic lower bound of log(1 + z) (X. Fan, I.
 * Grama and Q. Liu, Electronic Journal of Probability 20 (2015)), which costs most if the noise is
 * small compared with the range. I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random
 * variables by betting", JRSS B 86 (2024), adapt the stakes to the data. Such bets contain the mean
 * only if all μᵢ are equal, which does not hold for days.
 */
export interface MeanState {
  readonly n: number;
  readonly sum: number;
  /** Log-wealth of bets on a high mean, per stake: Σ [log(1 + λₖ(xᵢ − gᵢ)) + λₖgᵢ]. */
  readonly rising: readonly number[];
  /** Log-wealth of bets on a low mean, per stake: Σ [log(1 − λₖ(xᵢ − gᵢ)) − λₖgᵢ]. */
  readonly falling: readonly number[];
}

/** Range of the observations and of their guessed mean. A wrong guess costs only width. */
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
 * Each stake is half of the previous one. The smallest of twelve still suits 10⁸ observations. A
 * stake that is off by √2 grows at 83 % of the best rate or more.
 */
const stakes = 12;
const halvings = Array.from({ length: stakes }, (_, index) => 2 ** -index);
/** The largest stake, as a share of the one at which a single observation could ruin the bet. */
const boldest = 0.95;
/** Large stakes have more weight because early looks need them: 1/(k(k+1)), scaled to sum to 1. */
const logWeights = Array.from(
  { length: stakes },
  (_, index) => -Math.log((index + 1) * (index + 2) * (1 - 1 / (stakes + 1))),
);
/**
 * The guess is the mean so far, combined with ten observations at the middle of the guess range.
 */
const guessWeight = 10;

export function emptyMean(): MeanState {
  return {
    n: 0,
    sum: 0,
    rising: new Array<number>(stakes).fill(0),
    falling: new Array<number>(stakes).fill(0),
  };
}

/** Adds observations in order. @throws RangeError for an observation outside the range */
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
      throw new RangeError(`observation ${value} is outside the range ${range.min} … ${range.max}`);
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

export function computeMean(state: { readonly n: number; readonly sum: number }): number | null {
  return state.n === 0 ? null : state.sum / state.n;
}

/**
 * Each bound is ever wrong with probability at most `alphaPerSide`. Without observations, the
 * bounds are the ends of the range.
 */
export function meanBounds(
  state: MeanState,
  range: MeanRange,
  alphaPerSide: number,
): SequenceBounds {
  if (state.n === 0) return { lower: range.min, upper: range.max };
  const { up, down } = boldestStakes(range);
  // The mixture of exp(wealth − λ·n·m) decreases in m, so each m at which it reaches 1/α is too
  // low.
  const lower = mixedRoot({
    logWeights,
    wealth: state.rising,
    slopes: computeSlopes(up, state.n),
    alpha: alphaPerSide,
  });
  const upper = -mixedRoot({
    logWeights,
    wealth: state.falling,
    slopes: computeSlopes(down, state.n),
    alpha: alphaPerSide,
  });
  return { lower: Math.max(range.min, lower), upper: Math.min(range.max, upper) };
}

/**
 * Log-wealth of the mixed bets against "the mean is at most m" and "the mean is at least m". At
 * −log α a bound reaches m.
 */
export function wealthAgainst(
  state: MeanState,
  range: MeanRange,
  m: number,
): { readonly atMost: number; readonly atLeast: number } {
  const { up, down } = boldestStakes(range);
  return {
    atMost: logMixture({ logWeights, wealth: state.rising, slopes: computeSlopes(up, state.n) }, m),
    atLeast: logMixture(
      { logWeights, wealth: state.falling, slopes: computeSlopes(down, state.n) },
      -m,
    ),
  };
}

/** A forecast: the state after `times` as many observations with the same mean and variance. */
export function scaledMean(state: MeanState, times: number): MeanState {
  const scaleWealth = (wealth: readonly number[]) => wealth.map((each) => each * times);
  const { n, sum, rising, falling } = state;
  return {
    n: n * times,
    sum: sum * times,
    rising: scaleWealth(rising),
    falling: scaleWealth(falling),
  };
}

/**
 * Only observations below the guess can ruin a bet on a high mean, and above it one on a low mean.
 */
function boldestStakes({ min, max, guess }: MeanRange): {
  readonly up: number;
  readonly down: number;
} {
  return { up: boldest / (guess.max - min), down: boldest / (max - guess.min) };
}

function computeSlopes(maxStake: number, n: number): readonly number[] {
  return halvings.map((share) => maxStake * share * n);
}
