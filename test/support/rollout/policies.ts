import type { CanarySpec } from '../../../domain/rollout/canary';
import {
  largeHarmMargins,
  buildRolloutPolicy,
  type RolloutPolicy,
} from '../../../domain/rollout/policy';

/** The canary in the documentation. */
export const shownCanary: CanarySpec = {
  steps: [0, 5, 25, 50],
  quality: {
    metric: 'logloss',
    rule: 'nonInferiority',
    margin: 0.01,
    bound: null,
    largeHarm: 0.04,
  },
  guardrails: [
    { name: 'errors', max: 0.01 },
    { name: 'latency_ms', quantile: 0.97, max: 150 },
  ],
  test: {
    kind: 'alwaysValid',
    alpha: 0.03,
    minSamples: 200,
    minDurationSeconds: 7 * 86_400,
    dayCorrelation: 0.4,
  },
  timezone: 'UTC',
  maxDurationSeconds: 28 * 86_400,
  maxIdleSeconds: 7 * 86_400,
  onInconclusive: 'rollback',
};

export interface PolicyChange {
  readonly canary?: Partial<CanarySpec>;
  readonly quality?: Partial<CanarySpec['quality']>;
  readonly test?: Partial<CanarySpec['test']>;
  readonly comparison?: 'pairs' | 'arms';
}

/** The canary above with the given changes. */
export function policyWith({
  canary,
  quality,
  test,
  comparison,
}: PolicyChange = {}): RolloutPolicy {
  const { margin = shownCanary.quality.margin } = quality ?? {};
  return buildRolloutPolicy(
    {
      ...shownCanary,
      ...canary,
      quality: { ...shownCanary.quality, largeHarm: largeHarmMargins * margin, ...quality },
      test: { ...shownCanary.test, ...test },
    },
    { dependsOnPrediction: comparison === 'arms' },
  );
}
