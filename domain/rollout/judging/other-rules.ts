import type { CanarySpec } from '../../lifecycle/lifecycle';
import { decideRollout } from './decide-rollout';
import type { RolloutEvidence } from './evidence';
import { rolloutPolicyOf, type RolloutPolicy } from '../policy';
import type { RolloutVerdict } from './verdict';

/**
 * What other rules of a canary would have said of what a rollout has measured, as far as that can
 * be known: the evidence holds sums of one loss, and counts of requests above one limit. In the
 * step where the decision was made.
 */
export function underOtherRules(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  canary: CanarySpec,
): { readonly kind: 'unknown'; readonly why: readonly string[] } | RolloutVerdict {
  const why = [...earlierRules(evidence), ...otherMeasures(policy, canary)];
  if (why.length > 0) return { kind: 'unknown', why };
  const dependsOnPrediction = policy.quality.comparison === 'arms';
  const other = rolloutPolicyOf(byTheSameJudge(policy, canary), { dependsOnPrediction });
  // In whose days weeks were counted is part of what was measured.
  return decideRollout({ ...other, steps: policy.steps, timezone: policy.timezone }, evidence);
}

function earlierRules({ version }: RolloutEvidence): readonly string[] {
  const measured: number = version;
  return measured === 2
    ? []
    : [
        `it was measured by version ${measured} of the rules of a rollout, which counted otherwise than version 2`,
      ];
}

/** Whose errors are what they were: a file says nothing of them. */
function byTheSameJudge(policy: RolloutPolicy, { quality, ...canary }: CanarySpec): CanarySpec {
  const { answers } = policy.quality;
  return { ...canary, quality: answers?.judge === undefined ? quality : { ...quality, answers } };
}

function otherMeasures(
  { quality, guardrails }: RolloutPolicy,
  canary: CanarySpec,
): readonly string[] {
  const why: string[] = [];
  if (canary.quality.metric !== quality.metric || canary.quality.bound !== quality.bound) {
    const bounded = (bound: number | null) => (bound === null ? '' : ` up to ${bound}`);
    const [was, asked] = [quality, canary.quality].map(
      ({ metric, bound }) => `${metric}${bounded(bound)}`,
    );
    why.push(
      `quality was measured by ${was ?? ''}, and nobody knows what ${asked ?? ''} would have been`,
    );
  }
  const [was, asked] = [quality, canary.quality].map(
    ({ answers }) => answers?.judge?.dimension ?? null,
  );
  if (was !== asked && was !== null && asked !== null)
    why.push(
      `answers were judged by ${was ?? ''}, and nobody knows what ${asked ?? ''} would have said`,
    );
  for (const asked of canary.guardrails) {
    const counted = guardrails.find(({ name }) => name === asked.name);
    if (counted === undefined) why.push(`${asked.name} was not counted`);
    // A share is known whatever is allowed; how many were above another limit is not.
    else if ('quantile' in asked && asked.max !== counted.max)
      why.push(`${asked.name} was counted above ${counted.max}, not above ${asked.max}`);
  }
  return why;
}
