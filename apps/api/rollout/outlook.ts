import { decideRollout } from '../../../domain/rollout/judging/decide-rollout';
import { enterStep } from '../../../domain/rollout/judging/observe';
import { rolloutPolicyOf } from '../../../domain/rollout/policy';
import { isOpenRollout } from '../../../domain/rollout/rollout';
import type { RolloutVerdict } from '../../../domain/rollout/judging/verdict';
import type { RolloutRecord } from '../../../db/rollout/repository';

/**
 * What its rules say of what a rollout has measured, as it stands: the same function over the same
 * evidence that steers it. Null before there was traffic.
 */
export function outlookOf({
  spec,
  paired,
  state,
  status,
  step,
  extendedSeconds,
}: RolloutRecord): RolloutVerdict | null {
  const { evidence } = state;
  if (evidence === null) return null;
  const policy = rolloutPolicyOf(spec, { dependsOnPrediction: !paired });
  if (!isOpenRollout(status)) return decideRollout(policy, evidence);
  // A step that was just entered, or time that was just added, reaches the evidence with the next
  // look.
  return decideRollout(
    policy,
    enterStep(policy, { ...evidence, extendedSeconds }, { step, at: evidence.asOf }),
  );
}
