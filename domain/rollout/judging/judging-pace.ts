import { openCalendar } from '../../calendar';
import type { CanarySpec } from '../../lifecycle/lifecycle';
import type { AnswerJudge } from './answer-quality';
import type { RolloutEvidence } from './evidence';
import { holdsAcrossDays } from '../policy';

const daySeconds = 86_400;

/** Where a rollout is whose answers are judged. */
export interface JudgingPhase {
  readonly steps: CanarySpec['steps'];
  /** Index of the present step. */
  readonly step: number;
  /** Event time since the rollout began in shadow, or since people are answered. */
  readonly elapsedSeconds: number;
  readonly minDurationSeconds: number;
}

/**
 * How many of `mostPairs` may be judged in the present phase, all those before it included. Shadow
 * and serving must each show quality by pairs of their own, so a shadow that is followed by people
 * leaves half of them.
 */
export function mostPairsNow(
  { mostPairs }: Pick<AnswerJudge, 'mostPairs'>,
  { steps, step }: Pick<JudgingPhase, 'steps' | 'step'>,
): number {
  return isShadowBeforePeople({ steps, step }) ? Math.ceil(mostPairs / 2) : mostPairs;
}

/**
 * How many of them may be judged by now. Where `minDuration` is longer than a day: those of a day
 * from the beginning of the phase on, the rest evenly as time passes, the last ones as it ends.
 * Spent in the first hours, or before the last day, they could not show anything across days.
 */
export function openPairs(judge: Pick<AnswerJudge, 'mostPairs'>, phase: JudgingPhase): number {
  const { steps, step, elapsedSeconds, minDurationSeconds } = phase;
  const most = mostPairsNow(judge, phase);
  if (minDurationSeconds <= daySeconds) return most;
  const ofShadow = (steps[step] ?? 0) > 0 && steps.includes(0) ? Math.ceil(judge.mostPairs / 2) : 0;
  const share = Math.min(1, (elapsedSeconds + daySeconds) / (minDurationSeconds + daySeconds));
  return Math.min(most, ofShadow + Math.ceil((most - ofShadow) * share));
}

function isShadowBeforePeople({ steps, step }: Pick<JudgingPhase, 'steps' | 'step'>): boolean {
  return (steps[step] ?? 0) === 0 && steps.some((percent) => percent > 0);
}

/**
 * Event time before which nobody is asked any more; null where nobody is left for that. Where
 * quality must hold across days, a pair of a day that is closed comes late: it is in no day, and
 * enough of them hold the promotion back for good. A judge that was away, or had no budget, would
 * catch up on just those.
 */
export function openSince(
  evidence: Pick<RolloutEvidence, 'quality'> | null,
  {
    test,
    timezone,
  }: { readonly test: Pick<CanarySpec['test'], 'minDurationSeconds'>; readonly timezone: string },
): string | null {
  if (evidence === null || !holdsAcrossDays(test)) return null;
  const { weekFrom, weeks, closedBefore } = evidence.quality.days;
  // Before the first day is over nothing is closed, and what came before it is of no day.
  if (weekFrom === null || (weeks === 0 && closedBefore === weekFrom)) return null;
  return new Date(openCalendar(timezone).startOf(closedBefore)).toISOString();
}
