import type { Digest } from '../artifact';
import type { CaseResult } from '../language/evaluation/result';
import type { HalvingRound } from './halving';
import type { Variant, VariantResult } from './variant';

/** The state of a search between two steps. Plain JSON with everything that the next step needs. */
export interface SearchState {
  /**
   * `search`: the cases of the round are next. `confirm`: the winner and the first prompt are asked
   * the cases that no choice has used.
   */
  readonly stage: 'search' | 'confirm';
  /** Index of the next round; of the last one during the confirmation. */
  readonly round: number;
  readonly rounds: readonly HalvingRound[];
  /** All proposed variants in their order. */
  readonly variants: readonly ScoredVariant[];
  /** The variants that are asked next, the best so far first. */
  readonly alive: readonly ActiveVariant[];
  /** Search and confirmation together. */
  readonly questions: number;
}

export interface ScoredVariant extends Variant {
  /** Result on all search cases that the variant was evaluated on. */
  readonly result: VariantResult;
}

export interface ActiveVariant {
  readonly id: Digest;
  /** Results in the order of the cases. */
  readonly results: readonly CaseResult[];
}

/** A part of a step: half-open ranges of variants and of the cases that each is asked. */
export interface SearchBatch {
  readonly variants: readonly [number, number];
  readonly cases: readonly [number, number];
}

/**
 * The remaining questions in pieces of at most `questions`. `met` has the number of cases that each
 * variant was asked; neighbours with the same number share a piece.
 */
export function searchBatches(
  met: readonly number[],
  cases: number,
  questions: number,
): readonly SearchBatch[] {
  const pieces: SearchBatch[] = [];
  for (let from = 0; from < met.length;) {
    const before = met[from] ?? 0;
    const others = met.findIndex((each, index) => index > from && each !== before);
    const end = others === -1 ? met.length : others;
    const open = cases - before;
    const together = Math.max(1, Math.floor(questions / Math.max(1, open)));
    for (; from < end && open > 0; from = Math.min(end, from + together)) {
      const variants = [from, Math.min(end, from + together)] as const;
      for (let at = before; at < cases; at += questions)
        pieces.push({ variants, cases: [at, Math.min(cases, at + questions)] });
    }
    from = end;
  }
  return pieces;
}
