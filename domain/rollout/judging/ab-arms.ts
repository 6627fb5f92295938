import type { RolloutPolicy } from '../policy';
import type { ArmEvidence, RolloutEvidence } from './evidence';

/**
 * The policy of one challenger of an A/B rollout. Alpha is shared equally by the challengers and
 * the test of the shares (Bonferroni), so that any of their statements is wrong with at most alpha.
 */
export function armPolicy(policy: RolloutPolicy): RolloutPolicy {
  return { ...policy, test: { ...policy.test, alpha: armAlpha(policy) } };
}

export function armAlpha({ test, challengers = 1 }: RolloutPolicy): number {
  return test.alpha / (challengers + 1);
}

/** The evidence of each challenger as that of a rollout of its own, the run's own first. */
export function splitArms(evidence: RolloutEvidence): readonly RolloutEvidence[] {
  const { ab, ...own } = evidence;
  // Each challenger has a control of its own.
  const { control: _, ...common } = own;
  return [own, ...(ab?.others ?? []).map((arm) => ({ ...common, ...arm }))];
}

export function isStopped({ ab }: RolloutEvidence, arm: string): boolean {
  return ab?.stopped.includes(arm) === true;
}

export function toArmEvidence({
  challenger,
  quality,
  guardrails,
  control,
  requestsInStep,
}: RolloutEvidence): ArmEvidence {
  return { challenger, quality, guardrails, ...(control && { control }), requestsInStep };
}
