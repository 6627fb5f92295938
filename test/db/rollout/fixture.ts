import type { RolloutId, RunId } from '../../../domain/ids';
import type { CanarySpec } from '../../../domain/rollout/canary';
import { emptyRolloutState } from '../../../domain/rollout/state';
import type { Promotion } from '../../../db/alias/records';
import type { Registry } from '../../../db/registry';
import type { RolloutOpening, RolloutRepository } from '../../../db/rollout/records';
import { shownCanary } from '../../support/rollout/policies';
import { startRun, tenant, unique } from '../registry-fixture';

/** The canary in the documentation, which waits for no event time. */
export const canary: CanarySpec = {
  ...shownCanary,
  test: { ...shownCanary.test, minDurationSeconds: 0 },
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
