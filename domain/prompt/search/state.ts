import type { Digest } from '../../dataset/artifact';
import type { CaseResult } from '../../language/evaluation/result';
import type { HalvingRound } from './halving';
import type { Variant, VariantResult } from './variant';

/**
 * How far a search has come, between two of its steps: plain JSON, so that whoever goes on needs
 * nothing else.
 */
export interface SearchState {
  /**
   * `search`: the cases of the round are asked next. `confirm`: the winner and the first prompt are
   * asked those that no choice has seen.
   */
  readonly stage: 'search' | 'confirm';
  /** Place of the round that is asked next; of the last one while it confirms. */
  readonly round: number;
  readonly rounds: readonly HalvingRound[];
  /** All that were ever proposed, in the order in which they came. */
  readonly variants: readonly JudgedVariant[];
  /** Those that are asked next, the best so far first. */
  readonly alive: readonly AskedVariant[];
  /** Search and confirmation together. */
  readonly questions: number;
}

export interface JudgedVariant extends Variant {
  /** On all that it has met in the search. */
  readonly result: VariantResult;
}

export interface AskedVariant {
  readonly id: Digest;
  /** In the order of the cases. */
  readonly results: readonly CaseResult[];
}

/**
 * So many variants, each over so many cases: what one step asks at a time. Places are from the
 * first to the one behind the last.
 */
export interface Piece {
  readonly variants: readonly [number, number];
  readonly cases: readonly [number, number];
}

/**
 * What is still to be asked, in pieces of at most `questions` where a case can be one. Those that
 * are new to the search have all cases before them, the others only those of the round: neighbours
 * that have met as many go together.
 */
export function piecesOf(
  met: readonly number[],
  cases: number,
  questions: number,
): readonly Piece[] {
  const pieces: Piece[] = [];
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
