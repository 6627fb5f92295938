import type { ArtifactRef, Digest } from '../../dataset/artifact';
import { boundsOf, type Aggregate } from '../../language/evaluation/aggregate';
import type { HalvingRound } from './halving';
import type { SearchState } from './state';
import { ranked } from './halving';
import type { VariantOrigin, VariantResult } from './variant';

/** How far a search is, small enough for everybody who asks. */
export interface SearchStanding {
  readonly stage: SearchState['stage'];
  readonly round: number;
  readonly rounds: readonly HalvingRound[];
  /** Variants that are asked now, in groups that have met as many cases. */
  readonly groups: readonly { readonly variants: number; readonly met: number }[];
  /** Of the step: each variant is asked up to so many. */
  readonly cases: number;
  /** Ever proposed. */
  readonly known: number;
  readonly questions: number;
  /** Of those that met most cases. */
  readonly best: VariantResult | null;
}

export function standingOf(
  { stage, round, rounds, variants, alive, questions }: SearchState,
  cases: number,
): SearchStanding {
  const groups: { variants: number; met: number }[] = [];
  for (const { results } of alive) {
    const last = groups.at(-1);
    if (last?.met === results.length) last.variants += 1;
    else groups.push({ variants: 1, met: results.length });
  }
  const most = Math.max(0, ...variants.map(({ result }) => result.cases));
  const best =
    most === 0
      ? null
      : (ranked(variants.map(({ result }) => result).filter((each) => each.cases === most))[0] ??
        null);
  return { stage, round, rounds, groups, cases, known: variants.length, questions, best };
}

/** Bounds of 95 % on either side that hold however often somebody looks. */
export interface PromptScore {
  readonly cases: number;
  readonly failures: number;
  /** Null when nothing was measured. */
  readonly mean: number | null;
  readonly lower: number;
  readonly upper: number;
}

const confidence = 0.95;

export function measuredMean(of: Aggregate): PromptScore {
  const { lower, upper } = boundsOf(of, confidence);
  return {
    cases: of.cases,
    failures: of.failures,
    mean: of.mean,
    lower: lower ?? of.range.min,
    upper: upper ?? of.range.max,
  };
}

/** What a search found. */
export interface SearchOutcome {
  readonly winner: {
    readonly digest: Digest;
    readonly version: number;
    readonly artifact: ArtifactRef;
    readonly origin: VariantOrigin;
  };
  readonly first: { readonly digest: Digest; readonly version: number };
  /** Of the winner, on the cases of the search: what it was chosen by. */
  readonly searched: VariantResult;
  /** On cases that no choice has seen. */
  readonly confirmed: {
    readonly winner: PromptScore;
    readonly first: PromptScore;
    readonly gain: PromptScore;
    /** What the search promised and the confirmation did not keep. */
    readonly optimism: number | null;
  };
  /** The gain is surely above 0. */
  readonly improved: boolean;
  /** Not beaten in quality, cost and latency at once, best quality first. */
  readonly front: readonly (VariantResult & { readonly origin: VariantOrigin['kind'] })[];
  readonly variants: number;
  /** Why they are fewer than the search allowed; not given where they are not. */
  readonly fewer?: readonly string[];
  /**
   * Other variants with the winner's quality on as many cases: it was cheaper or faster, or its
   * digest came first.
   */
  readonly tied: number;
  readonly questions: number;
  /** From the call ledger. */
  readonly paid: {
    readonly answers: number;
    /** Nanodollars. */
    readonly cost: number;
    /** Attempts whose result was never received: at most these were paid and asked again. */
    readonly unsettled: number;
  };
  /** JSON: `SearchReport`, with every variant. */
  readonly report: ArtifactRef;
}
