import type { HalvingSpec } from './search';
import type { VariantResult } from './variant';

/**
 * So many variants are known on so many cases when the round is over; the cases of earlier rounds
 * are among them.
 */
export interface HalvingRound {
  readonly variants: number;
  readonly cases: number;
}

/**
 * Successive halving: of n variants n/eta go on, to eta times as many cases, until one is left or
 * the cases are used up (Z. Karnin, T. Koren and O. Somekh, "Almost optimal exploration in
 * multi-armed bandits", ICML 2013; K. Jamieson and A. Talwalkar, "Non-stochastic best arm
 * identification and hyperparameter optimization", AISTATS 2016). All variants of a round meet the
 * same cases, so that how hard those are falls out.
 */
export function planRounds({
  variants,
  cases,
  halving,
}: {
  readonly variants: number;
  readonly cases: number;
  readonly halving: HalvingSpec;
}): readonly HalvingRound[] {
  const rounds: HalvingRound[] = [];
  let round: HalvingRound = { variants, cases: Math.min(cases, halving.firstCases) };
  for (;;) {
    rounds.push(round);
    if (round.variants <= 1 || round.cases >= cases) return rounds;
    round = {
      variants: Math.max(1, Math.ceil(round.variants / halving.eta)),
      cases: Math.min(cases, Math.max(round.cases + 1, Math.floor(round.cases * halving.eta))),
    };
  }
}

/**
 * Questions to be asked at most: what a budget must hold, and what asking every variant every case
 * would take.
 */
export function questionsOf(rounds: readonly HalvingRound[]): number {
  return rounds.reduce(
    (sum, { variants, cases }, index) => sum + variants * (cases - (rounds[index - 1]?.cases ?? 0)),
    0,
  );
}

/**
 * Best first: by quality, where failed cases count as 0; then cheaper, faster, and by id, so that
 * the same results always give the same order.
 */
export function ranked(results: readonly VariantResult[]): readonly VariantResult[] {
  return [...results].sort(
    (a, b) =>
      b.quality - a.quality ||
      a.cost - b.cost ||
      a.latencyMs - b.latencyMs ||
      (a.id < b.id ? -1 : 1),
  );
}
