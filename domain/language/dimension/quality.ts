import { withoutCitations } from '../citations';
import { normalAnswer, sharedWords, wordsOf } from '../evaluation/answer-text';
import { rightAnswers } from '../cases/case';
import type { JudgedCase } from '../judge/judged-case';
import { notApplicable, scored, type Score } from '../evaluation/score';

/**
 * Exact match of Rajpurkar et al. (2016), against the best of the right answers. That an answer
 * names its passages, `[1]`, makes it no other answer.
 */
export function evaluateExact({ case: { expected }, answer }: JudgedCase): Score {
  const right = rightAnswers(expected);
  if (right.length === 0) return notApplicable;
  const said = normalAnswer(withoutCitations(answer));
  return scored(right.some((each) => normalAnswer(each) === said));
}

/**
 * Token F1 of Rajpurkar et al. (2016): the harmonic mean of precision and recall of words, against
 * the best of the right answers.
 */
export function evaluateF1({ case: { expected }, answer }: JudgedCase): Score {
  const right = rightAnswers(expected);
  if (right.length === 0) return notApplicable;
  const said = wordsOf(withoutCitations(answer));
  return scored(Math.max(...right.map((each) => f1(said, wordsOf(each)))));
}

function f1(said: readonly string[], right: readonly string[]): number {
  if (said.length === 0 || right.length === 0) return said.length === right.length ? 1 : 0;
  return (2 * sharedWords(said, right)) / (said.length + right.length);
}

/**
 * Models put a label into a sentence; one that names two has not decided. A label inside a longer
 * one, `cat` in `cat food`, is not named by it.
 */
export function evaluateLabel(
  { case: { expected }, answer }: JudgedCase,
  labels: readonly string[],
): Score {
  const { label } = expected;
  if (label === undefined) return notApplicable;
  let text = ` ${wordsOf(answer).join(' ')} `;
  const named = [...new Set([...labels, label])]
    .sort((a, b) => b.length - a.length)
    .filter((each) => {
      const words = ` ${wordsOf(each).join(' ')} `;
      const found = text.includes(words);
      if (found) text = text.replaceAll(words, ' ¦ ');
      return found;
    });
  const right = named.length === 1 && named[0] === label;
  return right
    ? scored(true)
    : scored(false, named.length === 0 ? 'names no label' : `names ${named.join(' and ')}`);
}
