import { randomUUID } from 'node:crypto';
import { failure } from '../../../domain/failure';
import type { RolloutId, Tenant } from '../../../domain/ids';
import { isOpenRollout } from '../../../domain/rollout/rollout';
import type { Verdict } from '../../../domain/verdict';
import type { Registry } from '../../../db/registry';
import type { RolloutRecord } from '../../../db/rollout/records';
import { rolloutWorkflowId } from '../../../workflows/run/messages';
import type { LifecycleClient } from '../../temporal-clients/lifecycle-client';
import type { RolloutVerb } from '../../temporal-clients/rollout-commands';

interface RolloutCommandDeps {
  readonly registry: Pick<Registry, 'rollouts' | 'models'>;
  readonly lifecycles: Pick<LifecycleClient, 'steer'>;
}

export interface RolloutCommandRequest {
  readonly tenant: Tenant;
  readonly model: string;
  readonly verb: RolloutVerb;
  readonly actor: string;
  readonly keyId: string;
  readonly reason?: string | undefined;
  /** Event time that `extend` adds. */
  readonly seconds?: number | undefined;
  /** Repeating a command with the same key has no further effect. */
  readonly idempotencyKey: string | undefined;
}

/**
 * Sends a command to the model's open rollout and returns the rollout afterwards.
 * @throws Conflict if none is open, or if it rejects the command
 */
export async function commandRollout(
  { registry, lifecycles }: RolloutCommandDeps,
  order: RolloutCommandRequest,
): Promise<RolloutRecord> {
  const { tenant, model, verb, keyId, reason, seconds, idempotencyKey: key = randomUUID() } = order;
  const id = await registry.rollouts.addressee({
    tenant,
    model,
    key,
    request: { verb, reason, seconds },
  });
  if (id === null) throw await noneOpen(registry, order);
  const { runId } = await rolloutNamed(registry, { tenant, id });
  const command = verb === 'extend' ? { verb, seconds: seconds ?? 0 } : { verb };
  const result = await lifecycles.steer(rolloutWorkflowId({ tenant, model, runId }), {
    tenant,
    keyId,
    id: key,
    reason,
    ...command,
  });
  if (result === 'gone') await withoutWorkflow(registry, order, id);
  return rolloutNamed(registry, { tenant, id });
}

/**
 * Handles a rollout whose workflow has ended. If the workflow was terminated, the rollout is still
 * open but nothing moves it, so only `abort` is safe.
 */
async function withoutWorkflow(
  { rollouts }: RolloutCommandDeps['registry'],
  order: RolloutCommandRequest,
  id: RolloutId,
): Promise<void> {
  const { tenant, model, verb, actor, reason } = order;
  const rollout = await rolloutNamed({ rollouts }, { tenant, id });
  if (!isOpenRollout(rollout.status))
    throw failure('Conflict', endedText(rollout), { next: `perennial rollout show ${model}` });
  if (verb !== 'abort') {
    const message = `${id} of ${model} is ${rollout.status}, but its workflow no longer exists; only abort is possible`;
    throw failure('Conflict', message, { next: `perennial rollout abort ${model}` });
  }
  const cause = reason ?? 'aborted by hand';
  const message = `aborted by ${actor}: ${cause} (its workflow no longer existed)`;
  const verdict: Verdict = {
    kind: 'inconclusive',
    reasons: [{ gate: 'canary', code: 'canary.aborted', message }],
  };
  await rollouts.end({ tenant, id, status: 'aborted', verdict, decisionId: null, actor, cause });
}

async function noneOpen(
  registry: RolloutCommandDeps['registry'],
  { tenant, model, verb }: RolloutCommandRequest,
): Promise<Error> {
  const last = await registry.rollouts.current({ tenant, model });
  if (last === null) return noRolloutsFailure(registry, { tenant, model });
  return failure('Conflict', `${model} has no open rollout to ${verb}; ${endedText(last)}`, {
    next: `perennial rollout show ${model}`,
  });
}

export async function noRolloutsFailure(
  { models }: Pick<Registry, 'models'>,
  { tenant, model }: { readonly tenant: Tenant; readonly model: string },
): Promise<Error> {
  const { items } = await models.versions({ tenant, model, pageSize: 1 });
  if (items.length === 0)
    return failure('NotFound', `there is no model ${model}`, { next: 'perennial model list' });
  const next =
    `a run begins one when its gates pass, if its spec has a canary and a champion serves; ` +
    `perennial run list --lifecycle ${model}`;
  return failure('NotFound', `${model} has had no rollouts`, { next });
}

function endedText({
  id,
  model,
  champion,
  challenger,
  status,
  endedAt,
  verdict,
}: RolloutRecord): string {
  const why = verdict?.reasons.at(-1)?.message;
  return `${id}, ${model}@${challenger} beside @${champion}, ended as ${status} at ${endedAt ?? '?'}${why === undefined ? '' : `: ${why}`}`;
}

async function rolloutNamed(
  { rollouts }: Pick<Registry, 'rollouts'>,
  name: { readonly tenant: Tenant; readonly id: RolloutId },
): Promise<RolloutRecord> {
  const rollout = await rollouts.get(name);
  if (rollout === null) throw failure('NotFound', `there is no rollout ${name.id}`);
  return rollout;
}
