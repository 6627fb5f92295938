import { pairRange, requestLoss } from '../../../domain/rollout/judging/loss';
import type { Random } from '../../../domain/statistics/random';
import {
  emptyRanged,
  extendRanged,
  rangedWealth,
} from '../../../domain/statistics/ranged-sequence';

/** Questions on which two versions' answers are right or wrong, one label for both. */
export interface SimulatedAnswers {
  /**
   * Share of the questions on which exactly one of them is right; on half of the others both give
   * the same answer.
   */
  readonly differing: number;
  /** By how much more of all questions the challenger is wrong. */
  readonly worse: number;
  readonly margin: number;
  readonly questions: number;
  /** Of either statement. */
  readonly alpha: number;
}

/**
 * After how many questions it was first said that the challenger is good enough, and that it is
 * not: looked at after each. Null: never.
 */
export function watchAnswers(
  { differing, worse, margin, questions, alpha }: SimulatedAnswers,
  random: Random,
): { readonly shownAt: number | null; readonly refutedAt: number | null } {
  const loss = requestLoss({ metric: 'exact-loss', bound: null });
  const range = pairRange(loss);
  let state = emptyRanged();
  let shownAt: number | null = null;
  let refutedAt: number | null = null;
  for (let n = 1; n <= questions && (shownAt === null || refutedAt === null); n += 1) {
    const drawn = random();
    const lost = (differing + worse) / 2;
    const value = drawn < lost ? 1 : drawn < differing ? -1 : 0;
    const sameAnswer = value === 0 && drawn < (1 + differing) / 2;
    state = extendRanged(state, range, [
      { value, ...loss.differencesOf({ champion: 0, challenger: 0, sameAnswer }) },
    ]);
    const { atLeast, atMost } = rangedWealth(state, range, margin);
    if (atLeast > -Math.log(alpha)) shownAt ??= n;
    if (atMost > -Math.log(alpha)) refutedAt ??= n;
  }
  return { shownAt, refutedAt };
}
