import { normalAnswer } from '../evaluation/answer-text';
import { failed, notApplicable, scored, type Score } from '../evaluation/score';

/**
 * How often two of a case's repeats say the same: the share of agreeing pairs, which for
 * right-or-wrong answers is the observed agreement of J. L. Fleiss, "Measuring nominal scale
 * agreement among many raters", Psychological Bulletin 76 (1971). `same` tells which answers are
 * the same; those but for case and punctuation when it is left out. A repeat that failed agrees
 * with none.
 */
export function consistencyOf(
  answers: readonly (string | null)[],
  same: (a: string, b: string) => boolean = sameWords,
): Score {
  if (answers.length < 2) return notApplicable;
  const said = answers.filter((answer) => answer !== null);
  if (said.length === 0) return failed('no repeat was answered');
  let agreeing = 0;
  said.forEach((a, index) => {
    for (const b of said.slice(index + 1)) agreeing += same(a, b) ? 1 : 0;
  });
  const pairs = (answers.length * (answers.length - 1)) / 2;
  return scored(
    agreeing / pairs,
    said.length === answers.length ? undefined : `${answers.length - said.length} repeats failed`,
  );
}

function sameWords(a: string, b: string): boolean {
  return normalAnswer(a) === normalAnswer(b);
}
