import { wholeCharacters } from '../../whole-characters';
import type { Score } from '../evaluation/score';
import { failed, scored } from '../evaluation/score';

/** The schema that a judge is held to: its reason first, so that the verdict follows from it. */
export const judgeSchema = {
  type: 'object',
  properties: { reason: { type: 'string' }, verdict: { enum: ['right', 'wrong'] } },
  required: ['reason', 'verdict'],
  additionalProperties: false,
} as const;

/**
 * Null for prose, for JSON of another shape, and for a verdict that is neither. Nothing is guessed
 * from a judge's words.
 */
export function verdictIn(
  text: string,
): { readonly right: boolean; readonly reason: string } | null {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof said !== 'object' || said === null || !('verdict' in said)) return null;
  const { verdict } = said;
  if (verdict !== 'right' && verdict !== 'wrong') return null;
  return {
    right: verdict === 'right',
    reason: 'reason' in said && typeof said.reason === 'string' ? wholeCharacters(said.reason) : '',
  };
}

/**
 * One score of a verdict, or of two in both orders: a judge whose verdict turns with the order has
 * given none (L. Zheng et al., "Judging LLM-as-a-judge with MT-Bench and Chatbot Arena", NeurIPS
 * 2023, §3.4).
 */
export function judgeScore(texts: readonly string[]): Score {
  const verdicts = texts.map(verdictIn);
  const [first] = verdicts;
  if (!first || verdicts.includes(null)) return failed('the judge gave no verdict');
  if (verdicts.some((verdict) => verdict?.right !== first.right))
    return failed('the verdict turns with the order');
  return scored(first.right, first.reason === '' ? undefined : first.reason);
}
