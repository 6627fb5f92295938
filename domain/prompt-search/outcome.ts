import type { ArtifactRef, Digest } from '../artifact';
import { computeBounds, type Aggregate } from '../language/evaluation/aggregate';
import type { HalvingRound } from './halving';
import type { SearchState } from './state';
import { rankResults } from './halving';
import type { VariantOrigin, VariantResult } from './variant';

/** The progress of a search, small enough for a query. */
export interface VariantProgress {
  readonly stage: SearchState['stage'];
  readonly round: number;
  readonly rounds: readonly HalvingRound[];
  /** The current variants, grouped by the number of cases that they were asked. */
  readonly groups: readonly { readonly variants: number; readonly met: number }[];
  /** Cases per variant at the end of the current step. */
  readonly cases: number;
  /** Variants proposed so far. */
  readonly known: number;
  readonly questions: number;
  /** The best of the variants with the most cases. */
  readonly best: VariantResult | null;
}

export function searchProgress(
  { stage, round, rounds, variants, alive, questions }: SearchState,
  cases: number,
): VariantProgress {
  const groups: { variants: number; met: number }[] = [];
  for (const { results } of alive) {
    const last = groups.at(-1);
    if (last?.met === results.length) last.variants += 1;
    else groups.push({ variants: 1, met: results.length });
  }
  const maxCases = Math.max(0, ...variants.map(({ result }) => result.cases));
  const best =
    maxCases === 0
      ? null
      : (rankResults(
          variants.map(({ result }) => result).filter((each) => each.cases === maxCases),
        )[0] ?? null);
  return { stage, round, rounds, groups, cases, known: variants.length, questions, best };
}

/** One-sided 95 % bounds that hold for any number of looks. */
export interface PromptScore {
  readonly cases: number;
  readonly failures: number;
  /** Null if nothing was measured. */
  readonly mean: number | null;
  readonly lower: number;
  readonly upper: number;
}

const confidence = 0.95;

export function promptScore(of: Aggregate): PromptScore {
  const { lower, upper } = computeBounds(of, confidence);
  return {
    cases: of.cases,
    failures: of.failures,
    mean: of.mean,
    lower: lower ?? of.range.min,
    upper: upper ?? of.range.max,
  };
}

/** The result of a search. */
export interface SearchOutcome {
  readonly winner: {
    readonly digest: Digest;
    readonly version: number;
    readonly artifact: ArtifactRef;
    readonly origin: VariantOrigin;
  };
  readonly first: { readonly digest: Digest; readonly version: number };
  /** The winner's result on the cases of the search, by which it was chosen. */
  readonly searched: VariantResult;
  /** Scores on cases that no choice has used. */
  readonly confirmed: {
    readonly winner: PromptScore;
    readonly first: PromptScore;
    readonly gain: PromptScore;
    /** Quality in the search minus quality in the confirmation. */
    readonly optimism: number | null;
  };
  /** The lower bound of the gain is above 0. */
  readonly improved: boolean;
  /** The Pareto front of quality, cost and latency, best quality first. */
  readonly front: readonly (VariantResult & { readonly origin: VariantOrigin['kind'] })[];
  readonly variants: number;
  /** Why there are fewer variants than allowed; absent if there are not. */
  readonly fewer?: readonly string[];
  /**
   * Other variants with the winner's quality on as many cases. The winner was cheaper or faster, or
   * its digest came first.
   */
  readonly tied: number;
  readonly questions: number;
  /** Costs on the call ledger. */
  readonly paid: {
    readonly answers: number;
    /** Nanodollars. */
    readonly cost: number;
    /** Attempts whose result was never received; at most these were paid twice. */
    readonly unsettled: number;
  };
  /** JSON: `SearchReport`, with every variant. */
  readonly report: ArtifactRef;
}
