import type { RolloutId, RunId } from '../../../domain/ids';
import type { CanarySpec } from '../../../domain/lifecycle/lifecycle';
import { emptyRolloutState } from '../../../domain/rollout/state';
import type { Promotion } from '../../../db/alias/records';
import type { Registry } from '../../../db/registry';
import type { RolloutOpening, RolloutRepository } from '../../../db/rollout/records';
import { startRun, tenant, unique } from '../registry-fixture';

export const canary: CanarySpec = {
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
    minDurationSeconds: 0,
    dayCorrelation: 0.4,
  },
  timezone: 'UTC',
  maxDurationSeconds: 14 * 86_400,
  maxIdleSeconds: 7 * 86_400,
  onInconclusive: 'rollback',
};

/** By default of version 2 beside champion 1. */
export async function openRollout(
  registry: Registry,
  over: Partial<Parameters<RolloutRepository['open']>[0]> & { readonly model?: string },
): Promise<RolloutOpening> {
  const model = over.model ?? unique('model');
  const runId = over.runId ?? (await startRun(registry));
  return registry.rollouts.open({
    tenant,
    runId,
    model,
    champion: { version: 1, fencing: 1 },
    challenger: 2,
    spec: canary,
    paired: true,
    availableAfterSeconds: 6 * 3600,
    state: emptyRolloutState,
    actor: 'key:a',
    cause: 'canary',
    ...over,
  });
}

export async function promoteOver(
  registry: Registry,
  model: string,
  version: number,
  over: { readonly rollout?: RolloutId; readonly runId?: RunId } = {},
): Promise<Promotion> {
  const { champion } = await registry.aliases.get({ tenant, model });
  return registry.aliases.promote({
    tenant,
    model,
    version,
    expectedChampion: champion ?? { version: null, fencing: 0 },
    decisionId: null,
    runId: null,
    actor: 'a',
    cause: 'c',
    idempotencyKey: unique('promotion'),
    ...over,
  });
}
