import { normalAnswer } from '../evaluation/answer-text';
import { toFailure, notApplicable, toScore, type Score } from '../evaluation/score';

/**
 * The share of pairs of repeats that agree, the observed agreement of J. L. Fleiss, "Measuring
 * nominal scale agreement among many raters", Psychological Bulletin 76 (1971). By default answers
 * agree if they differ only in case, punctuation and articles. A failed repeat agrees with none.
 */
export function measureConsistency(
  answers: readonly (string | null)[],
  same: (a: string, b: string) => boolean = sameWords,
): Score {
  if (answers.length < 2) return notApplicable;
  const given = answers.filter((answer) => answer !== null);
  if (given.length === 0) return toFailure('no repeat was answered');
  let agreeing = 0;
  given.forEach((a, index) => {
    for (const b of given.slice(index + 1)) agreeing += same(a, b) ? 1 : 0;
  });
  const pairs = (answers.length * (answers.length - 1)) / 2;
  const failures = answers.length - given.length;
  return toScore(
    agreeing / pairs,
    failures === 0 ? undefined : `${failures} ${failures === 1 ? 'repeat' : 'repeats'} failed`,
  );
}

function sameWords(a: string, b: string): boolean {
  return normalAnswer(a) === normalAnswer(b);
}
