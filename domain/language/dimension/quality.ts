import { withoutCitations } from '../citations';
import { normalAnswer, sharedWords, splitWords } from '../evaluation/answer-text';
import { expectedAnswers } from '../cases/case';
import type { EvaluatorInput } from '../judge/evaluator-input';
import { notApplicable, toScore, type Score } from '../evaluation/score';

/** Exact match of Rajpurkar et al. (2016) with any expected answer, ignoring citations. */
export function evaluateExact({ case: { expected }, answer }: EvaluatorInput): Score {
  const right = expectedAnswers(expected);
  if (right.length === 0) return notApplicable;
  const given = normalAnswer(withoutCitations(answer));
  return toScore(right.some((each) => normalAnswer(withoutCitations(each)) === given));
}

/**
 * Token F1 of Rajpurkar et al. (2016): the harmonic mean of precision and recall of words, for the
 * best matching expected answer.
 */
export function evaluateF1({ case: { expected }, answer }: EvaluatorInput): Score {
  const right = expectedAnswers(expected);
  if (right.length === 0) return notApplicable;
  const given = splitWords(withoutCitations(answer));
  return toScore(Math.max(...right.map((each) => f1(given, splitWords(withoutCitations(each))))));
}

function f1(given: readonly string[], right: readonly string[]): number {
  if (given.length === 0 || right.length === 0) return given.length === right.length ? 1 : 0;
  return (2 * sharedWords(given, right)) / (given.length + right.length);
}

/**
 * Whether the answer names the expected label, possibly in a sentence, and no other label. A label
 * inside a longer one does not count: `cat food` does not name `cat`.
 */
export function evaluateLabel(
  { case: { expected }, answer }: EvaluatorInput,
  labels: readonly string[],
): Score {
  const { label } = expected;
  if (label === undefined) return notApplicable;
  let text = ` ${splitWords(answer).join(' ')} `;
  const named = [...new Set([...labels, label])]
    .sort((a, b) => b.length - a.length)
    .filter((each) => {
      const words = ` ${splitWords(each).join(' ')} `;
      const found = text.includes(words);
      if (found) text = text.replaceAll(words, ' ¦ ');
      return found;
    });
  const right = named.length === 1 && named[0] === label;
  return right
    ? toScore(true)
    : toScore(false, named.length === 0 ? 'names no label' : `names ${named.join(' and ')}`);
}
