import { openCalendar } from '../../calendar';
import type { CanarySpec } from '../canary';
import type { AnswerJudge } from './answer-quality';
import type { RolloutEvidence } from './evidence';
import { holdsAcrossDays } from '../policy';

const daySeconds = 86_400;

/** The current phase of a rollout whose answers are judged. */
export interface JudgingPhase {
  readonly steps: CanarySpec['steps'];
  /** Index of the current step. */
  readonly step: number;
  /** Event time since the start of the shadow, or since the challenger answers requests. */
  readonly elapsedSeconds: number;
  readonly minDurationSeconds: number;
}

/**
 * How many pairs may be judged up to the end of this phase. Shadow and serving must each show
 * quality on their own pairs, so a shadow before serving uses only half of `mostPairs`.
 */
export function maxPairsInPhase(
  { mostPairs }: Pick<AnswerJudge, 'mostPairs'>,
  { steps, step }: Pick<JudgingPhase, 'steps' | 'step'>,
): number {
  return isShadowBeforeServing({ steps, step }) ? Math.ceil(mostPairs / 2) : mostPairs;
}

/**
 * How many pairs may be judged by now. If `minDuration` is longer than a day, the pairs are spread
 * evenly over the phase, with one day's share at its start. Pairs spent in the first hours could
 * not show quality across days.
 */
export function allowedPairs(judge: Pick<AnswerJudge, 'mostPairs'>, phase: JudgingPhase): number {
  const { steps, step, elapsedSeconds, minDurationSeconds } = phase;
  const maxPairs = maxPairsInPhase(judge, phase);
  if (minDurationSeconds <= daySeconds) return maxPairs;
  const ofShadow = (steps[step] ?? 0) > 0 && steps.includes(0) ? Math.ceil(judge.mostPairs / 2) : 0;
  const share = Math.min(1, (elapsedSeconds + daySeconds) / (minDurationSeconds + daySeconds));
  return Math.min(maxPairs, ofShadow + Math.ceil((maxPairs - ofShadow) * share));
}

function isShadowBeforeServing({ steps, step }: Pick<JudgingPhase, 'steps' | 'step'>): boolean {
  return (steps[step] ?? 0) === 0 && steps.some((percent) => percent > 0);
}

/**
 * Event time from which pairs are judged; null for no limit. If quality must hold across days, a
 * pair of a closed day counts as late, and too many late pairs block the promotion. A judge that
 * was unavailable or out of budget would otherwise catch up on exactly those pairs.
 */
export function earliestJudgedTime(
  evidence: Pick<RolloutEvidence, 'quality'> | null,
  {
    test,
    timezone,
  }: { readonly test: Pick<CanarySpec['test'], 'minDurationSeconds'>; readonly timezone: string },
): string | null {
  if (evidence === null || !holdsAcrossDays(test)) return null;
  const { weekFrom, weeks, closedBefore } = evidence.quality.days;
  // Before the end of the first whole day, no day is closed.
  if (weekFrom === null || (weeks === 0 && closedBefore === weekFrom)) return null;
  return new Date(openCalendar(timezone).findStart(closedBefore)).toISOString();
}
