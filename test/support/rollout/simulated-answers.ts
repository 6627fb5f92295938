import { pairRange, requestLoss } from '../../../domain/rollout/judging/loss';
import type { Random } from '../../../domain/statistics/random';
import {
  emptyRanged,
  extendRanged,
  rangedWealth,
} from '../../../domain/statistics/ranged-sequence';

/** Questions with right or wrong answers of two versions, and one label for both. */
export interface SimulatedAnswers {
  /**
   * The share of questions on which exactly one version is right. On half of the others, both give
   * the same answer.
   */
  readonly differing: number;
  /** The additional share of questions on which the challenger is wrong. */
  readonly worse: number;
  readonly margin: number;
  readonly questions: number;
  /** The alpha of either statement. */
  readonly alpha: number;
}

/**
 * The number of questions until the challenger is first called good enough, and not good enough,
 * evaluated after each question. Null: never.
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
      { value, ...loss.computeDifferences({ champion: 0, challenger: 0, sameAnswer }) },
    ]);
    const { atLeast, atMost } = rangedWealth(state, range, margin);
    if (atLeast > -Math.log(alpha)) shownAt ??= n;
    if (atMost > -Math.log(alpha)) refutedAt ??= n;
  }
  return { shownAt, refutedAt };
}
