import { replaceLoneSurrogates } from '../../text';
import type { Score } from '../evaluation/score';
import { toFailure, toScore } from '../evaluation/score';

/** The schema of a judge's answer: the reason comes first, so that the verdict follows from it. */
export const judgeSchema = {
  type: 'object',
  properties: { reason: { type: 'string' }, verdict: { enum: ['right', 'wrong'] } },
  required: ['reason', 'verdict'],
  additionalProperties: false,
} as const;

/** Null for prose, other JSON, and unknown verdicts: a verdict is never guessed from prose. */
export function parseJudgeVerdict(
  text: string,
): { readonly right: boolean; readonly reason: string } | null {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof answer !== 'object' || answer === null || !('verdict' in answer)) return null;
  const { verdict } = answer;
  if (verdict !== 'right' && verdict !== 'wrong') return null;
  return {
    right: verdict === 'right',
    reason:
      'reason' in answer && typeof answer.reason === 'string'
        ? replaceLoneSurrogates(answer.reason)
        : '',
  };
}

/**
 * The score of one verdict, or of two verdicts in both orders. Verdicts that depend on the order
 * count as none (L. Zheng et al., "Judging LLM-as-a-judge with MT-Bench and Chatbot Arena",
 * NeurIPS 2023, §3.4).
 */
export function judgeScore(texts: readonly string[]): Score {
  const verdicts = texts.map(parseJudgeVerdict);
  const [first] = verdicts;
  if (!first || verdicts.includes(null)) return toFailure('the judge gave no verdict');
  if (verdicts.some((verdict) => verdict?.right !== first.right))
    return toFailure('the verdict depends on the order of the answers');
  return toScore(first.right, first.reason === '' ? undefined : first.reason);
}
