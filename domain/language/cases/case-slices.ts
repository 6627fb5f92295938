import type { EvaluationCase } from './case';

/**
 * `search`: cases to choose a prompt. `confirm`: cases to compare the chosen prompt with the first.
 * `judge`: cases for the gates, which no choice has used.
 */
export type CaseSlice = 'search' | 'confirm' | 'judge';

/**
 * Shares of the cases, assigned by a hash of their id. Prompts are compared on `search`, the
 * winner and the first prompt on `confirm`, and the bundle is evaluated on the rest.
 */
export interface CaseShares {
  readonly search: number;
  readonly confirm: number;
}

/**
 * The slice of a case, by a hash of its id. A case stays in its slice when others are added, so
 * that a later run is never judged on cases that a choice has used. A pair shares one slice.
 */
export function caseSlice(
  { id, pair }: Pick<EvaluationCase, 'id' | 'pair'>,
  { search, confirm }: CaseShares,
): CaseSlice {
  const at = casePosition({ id, pair });
  return at < search ? 'search' : at < search + confirm ? 'confirm' : 'judge';
}

/**
 * The position of a case among all possible cases, from 0 to below 1. Evaluations ask cases in this
 * order. It does not depend on the answers, so bounds hold for any number of looks, and the first
 * cases are representative.
 */
export function casePosition({ id, pair }: Pick<EvaluationCase, 'id' | 'pair'>): number {
  return hashText(pair === null ? `case ${id}` : `pair ${pair}`);
}

/** Sorted by `casePosition`; cases of one pair by their id. */
export function sortCases<Case extends Pick<EvaluationCase, 'id' | 'pair'>>(
  cases: readonly Case[],
): Case[] {
  return cases
    .map((each) => ({ each, at: casePosition(each) }))
    .sort((a, b) => a.at - b.at || (a.each.id < b.each.id ? -1 : 1))
    .map(({ each }) => each);
}

/**
 * FNV-1a, then the final mix of MurmurHash3, without which similar names have similar hashes. From
 * 0 to below 1.
 */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  hash ^= hash >>> 16;
  return (hash >>> 0) / 2 ** 32;
}
