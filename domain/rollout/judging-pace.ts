import type { AnswerJudge } from './answer-quality';
import type { RolloutEvidence } from './evidence';
import { holdsAcrossDays } from './policy';

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

/**
 * Event time before which nobody is asked any more; null where nobody is left for that. Where quality must hold across days, a pair of a day that is closed comes late: it is in no day, and enough of
 * them hold the promotion back for good. A judge that was away, or had no budget, would catch up on just those.
 */
export function openSince(
  evidence: Pick<RolloutEvidence, 'startedAt' | 'quality'> | null,
  test: { readonly minDurationSeconds: number },
): string | null {
  if (evidence === null || !holdsAcrossDays(test)) return null;
  const { closedBefore } = evidence.quality.days;
  // Whatever is older than the beginning is of the first day.
  return closedBefore === 0 ? null : new Date(Date.parse(evidence.startedAt) + closedBefore * daySeconds * 1000).toISOString();
}
