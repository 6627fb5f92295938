import type { CasesSpec } from '../lifecycle/llm-lifecycle';
import type { EvaluationCase } from '../cases/case';

/**
 * `search`: what a prompt is chosen by. `confirm`: what the chosen one is laid beside the first by.
 * `judge`: what the gates see, and no choice has seen.
 */
export type CaseSlice = 'search' | 'confirm' | 'judge';

/**
 * The slice of a case by a hash of its id, so that a case stays in its slice whatever is added to
 * the set: what a later run is judged by was never used to choose. Two wordings of one question are
 * one pair and lie together.
 */
export function sliceOf(
  { id, pair }: Pick<EvaluationCase, 'id' | 'pair'>,
  { search, confirm }: Pick<CasesSpec, 'search' | 'confirm'>,
): CaseSlice {
  const at = placeOf({ id, pair });
  return at < search ? 'search' : at < search + confirm ? 'confirm' : 'judge';
}

/**
 * Where a case stands among all there are or will be, from 0 up to 1. Everything that looks at
 * cases one after the other goes by it: an order that no answer has a say in, so that bounds hold
 * however often somebody looks, and the first hundred are like the rest.
 */
export function placeOf({ id, pair }: Pick<EvaluationCase, 'id' | 'pair'>): number {
  return hashOf(pair === null ? `case ${id}` : `pair ${pair}`);
}

/** By place; wordings of one pair by their id. */
export function inOrder<Case extends Pick<EvaluationCase, 'id' | 'pair'>>(
  cases: readonly Case[],
): Case[] {
  return cases
    .map((each) => ({ each, at: placeOf(each) }))
    .sort((a, b) => a.at - b.at || (a.each.id < b.each.id ? -1 : 1))
    .map(({ each }) => each);
}

/**
 * FNV-1a, then the finishing mix of MurmurHash3 since names that differ in their last letter are
 * near each other without it; from 0 up to 1.
 */
function hashOf(text: string): number {
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
