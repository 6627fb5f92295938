import type { HalvingSpec } from './search';
import type { VariantResult } from './variant';

/** The number of variants, and of their cases after the round, including earlier rounds. */
export interface HalvingRound {
  readonly variants: number;
  readonly cases: number;
}

/**
 * Successive halving: n/eta of n variants continue with eta times as many cases, until one is left
 * or the cases are used up (Z. Karnin, T. Koren and O. Somekh, "Almost optimal exploration in
 * multi-armed bandits", ICML 2013; K. Jamieson and A. Talwalkar, "Non-stochastic best arm
 * identification and hyperparameter optimization", AISTATS 2016). All variants of a round get the
 * same cases, so that the difficulty of the cases does not matter.
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

/** The largest number of questions of these rounds. */
export function countQuestions(rounds: readonly HalvingRound[]): number {
  return rounds.reduce(
    (sum, { variants, cases }, index) => sum + variants * (cases - (rounds[index - 1]?.cases ?? 0)),
    0,
  );
}

/**
 * Best first: by quality with failures as 0, then by lower cost, lower latency and id, so that the
 * order is deterministic.
 */
export function rankResults(results: readonly VariantResult[]): readonly VariantResult[] {
  return [...results].sort(
    (a, b) =>
      b.quality - a.quality ||
      a.cost - b.cost ||
      a.latencyMs - b.latencyMs ||
      (a.id < b.id ? -1 : 1),
  );
}
