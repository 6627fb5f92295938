import type { CanarySpec } from '../canary';
import { decideRollout } from './decide-rollout';
import type { RolloutEvidence } from './evidence';
import { buildRolloutPolicy, type RolloutPolicy } from '../policy';
import type { RolloutVerdict } from './verdict';

/**
 * Evaluates another canary on the evidence of a rollout, in the step of the decision. The evidence
 * has sums of one loss and counts of requests above one limit, so `unknown` names what it lacks.
 */
export function decideWithCanary(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  canary: CanarySpec,
): { readonly kind: 'unknown'; readonly why: readonly string[] } | RolloutVerdict {
  const why = [...earlierRules(evidence), ...otherMeasures(policy, canary), ...severalArms(policy)];
  if (why.length > 0) return { kind: 'unknown', why };
  const dependsOnPrediction = policy.quality.comparison === 'arms';
  const {
    method: _method,
    requireShadow: _requireShadow,
    shares: _shares,
    ...other
  } = buildRolloutPolicy(byTheSameJudge(policy, withHistory(policy, canary)), {
    dependsOnPrediction,
  });
  // The time zone of the days, the method and its shares are part of the measurement.
  const { method, requireShadow, steps, shares, timezone } = policy;
  return decideRollout(
    {
      ...other,
      ...(method && { method }),
      ...(requireShadow === false && { requireShadow }),
      steps,
      ...(shares && { shares }),
      timezone,
    },
    evidence,
  );
}

/**
 * The holdout and the history of days are those of the rollout. The bound of the history is used if
 * it is above the other least.
 */
function withHistory(
  { test: { daysCorrelate }, quality: { holdoutLabels } }: RolloutPolicy,
  canary: CanarySpec,
): CanarySpec {
  const quality = { ...canary.quality, ...(holdoutLabels && { holdoutLabels }) };
  if (daysCorrelate === undefined) return { ...canary, quality };
  const { from } = daysCorrelate;
  const value = Math.max(canary.test.dayCorrelation, from?.bound ?? 0);
  return { ...canary, quality, test: { ...canary.test, daysCorrelate: { value, from } } };
}

/** The challengers of an A/B rollout are part of its measurement. */
function severalArms({ method }: RolloutPolicy): readonly string[] {
  return method === 'ab' ? ['an A/B rollout has no other rules than its registered ones'] : [];
}

function earlierRules({ version }: RolloutEvidence): readonly string[] {
  const measured: number = version;
  return measured === 2
    ? []
    : [
        `it was measured by version ${measured} of the rollout rules, which counted differently from version 2`,
      ];
}

/** Keeps the judge of the rollout, because a lifecycle file has no calibration. */
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
    const formatLimit = (bound: number | null) => (bound === null ? '' : ` up to ${bound}`);
    const [was, asked] = [quality, canary.quality].map(
      ({ metric, bound }) => `${metric}${formatLimit(bound)}`,
    );
    why.push(`quality was measured by ${was ?? ''}, not by ${asked ?? ''}`);
  }
  const [was, asked] = [quality, canary.quality].map(
    ({ answers }) => answers?.judge?.dimension ?? null,
  );
  if (was !== asked && was !== null && asked !== null)
    why.push(`answers were judged by ${was}, not by ${asked}`);
  for (const asked of canary.guardrails) {
    const counted = guardrails.find(({ name }) => name === asked.name);
    if (counted === undefined) why.push(`${asked.name} was not counted`);
    // Another limit of a share needs no other counts, but another `max` of a quantile does.
    else if ('quantile' in asked && asked.max !== counted.max)
      why.push(`${asked.name} was counted above ${counted.max}, not above ${asked.max}`);
  }
  return why;
}
