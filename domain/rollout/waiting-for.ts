import { versionName } from '../model/model';
import type { RolloutProgress, RolloutSettings } from './progress';

/**
 * Describes what a rollout waits for. It contains no figures that change with the traffic, because
 * the text is stored once and those figures come from the evidence.
 */
export function describeWait(
  { model, champion, challenger, steps, method }: RolloutSettings,
  {
    status,
    step,
    heldBy,
    decision,
    winner = challenger,
  }: Pick<RolloutProgress, 'status' | 'step' | 'heldBy' | 'decision' | 'winner'>,
): string {
  const percent = steps[step] ?? 0;
  const where =
    method === 'bandit'
      ? `bandit, share between ${steps.join(' % and ')} %`
      : `step ${step + 1} of ${steps.length}, ${percent === 0 ? 'shadow' : `${percent} %`}`;
  const versions = `${versionName(challenger)} beside ${versionName(champion)}`;
  if (status === 'held' && heldBy !== null) {
    const reason = heldBy.reason === undefined ? '' : ` (${heldBy.reason})`;
    return `canary of ${versions} is held by ${heldBy.actor}${reason} in ${where}; perennial rollout resume ${model}`;
  }
  if (decision !== null) return `the promotion of ${versionName(winner)}, whose canary has passed`;
  return `canary of ${versions}: ${where}; perennial rollout show ${model}`;
}
