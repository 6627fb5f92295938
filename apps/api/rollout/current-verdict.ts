import { decideRollout } from '../../../domain/rollout/judging/decide-rollout';
import { enterStep } from '../../../domain/rollout/judging/observe';
import { buildRolloutPolicy } from '../../../domain/rollout/policy';
import { isOpenRollout } from '../../../domain/rollout/rollout';
import type { RolloutVerdict } from '../../../domain/rollout/judging/verdict';
import type { RolloutRecord } from '../../../db/rollout/records';

/** The current verdict, by the same function and evidence as in the watch. Null before traffic. */
export function judgeNow({
  spec,
  paired,
  state,
  status,
  step,
  extendedSeconds,
}: RolloutRecord): RolloutVerdict | null {
  const { evidence } = state;
  if (evidence === null) return null;
  const policy = buildRolloutPolicy(spec, { dependsOnPrediction: !paired });
  if (!isOpenRollout(status)) return decideRollout(policy, evidence);
  // The stored evidence does not have a new step or added time until the next watch.
  return decideRollout(
    policy,
    enterStep(policy, { ...evidence, extendedSeconds }, { step, at: evidence.asOf }),
  );
}
