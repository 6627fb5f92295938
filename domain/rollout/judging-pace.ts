import type { AnswerJudge } from './answer-quality';

const daySeconds = 86_400;

/**
 * How many of `mostPairs` may be judged once so much event time has passed. Where `minDuration` is longer than a day: those of a day from the beginning on, the rest evenly as time passes, the
 * last ones as it ends. Spent in the first hours, or before the last day, they could not show anything across days.
 */
export function openPairs(
  { mostPairs }: Pick<AnswerJudge, 'mostPairs'>,
  { elapsedSeconds, minDurationSeconds }: { readonly elapsedSeconds: number; readonly minDurationSeconds: number },
): number {
  if (minDurationSeconds <= daySeconds) return mostPairs;
  return Math.ceil(mostPairs * Math.min(1, (elapsedSeconds + daySeconds) / (minDurationSeconds + daySeconds)));
}
