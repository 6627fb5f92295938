import { activityInfo } from '@temporalio/activity';
import type { IdempotencyKey, Tenant } from '../../domain/ids';
import type { Registry } from '../../db/registry';
import type { HeldClaim } from '../../db/run/guard';

/**
 * Executes one effect per key (I4). If the journal has a result for the key, it is returned;
 * otherwise `work` runs and its result is stored. Registry writes pass the `claim`, so that they
 * are refused with FencedOff once a newer attempt owns the key or the run is being undone.
 * `assertOwned` checks this in advance, before work that only the owner should begin.
 */
export async function withIdempotencyKey<T>(
  effects: Registry['effects'],
  { tenant, key }: { readonly tenant: Tenant; readonly key: IdempotencyKey },
  work: (assertOwned: () => Promise<void>, claim: HeldClaim) => Promise<T>,
): Promise<T> {
  const { attempt, workflowExecution, activityId } = activityInfo();
  const claim = await effects.claim({
    tenant,
    key,
    attempt,
    execution: `${workflowExecution?.runId ?? ''}/${activityId}`,
  });
  if (claim.kind === 'done') return claim.result as T;
  const { token } = claim;
  const result = await work(() => effects.assertOwned({ tenant, key, token }), { key, token });
  await effects.complete({ tenant, key, token, result });
  return result;
}
