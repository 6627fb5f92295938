import { expectedAnswers } from '../cases/case';
import type { EvaluatorTools, EvaluatorInput } from '../judge/evaluator-input';
import { toFailure, notApplicable, toScore, type Score } from '../evaluation/score';

/**
 * Cosine similarity of the answer and the nearest expected answer (N. Reimers and I. Gurevych,
 * "Sentence-BERT", EMNLP 2019); below 0 counts as 0. It compares subjects, not truth: `Rome` and
 * `not Rome` are similar.
 */
export async function evaluateSimilarity(
  { case: { expected }, answer }: EvaluatorInput,
  embed: EvaluatorTools['embed'],
): Promise<Score> {
  const right = expectedAnswers(expected);
  if (right.length === 0) return notApplicable;
  if (embed === null) return toFailure('no embedder is configured');
  if (answer.trim() === '') return toScore(0, 'the answer is empty');
  const [given, ...others] = await embed([answer, ...right]);
  if (!given || others.length !== right.length)
    return toFailure('the embedder returned too few vectors');
  const best = Math.max(...others.map((each) => cosine(given, each)));
  return Number.isFinite(best)
    ? toScore(Math.min(1, Math.max(0, best)))
    : toFailure('the embedder returned a zero or invalid vector');
}

export function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return NaN;
  let [dot, aa, bb] = [0, 0, 0];
  for (let index = 0; index < a.length; index += 1) {
    const [x, y] = [a[index] ?? 0, b[index] ?? 0];
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return dot / Math.sqrt(aa * bb);
}
