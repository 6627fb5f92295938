import { activityInfo } from '@temporalio/activity';
import type { IdempotencyKey, Tenant } from '../../domain/ids';
import type { Registry } from '../../db/registry';
import type { HeldClaim } from '../../db/run/guard';

/**
 * One effect per key (I4): the journal answers when it is done already, else `work` runs and its
 * result is journalled. A write to the registry takes the `claim` along, so that it is refused
 * (FencedOff) in its own transaction once a newer attempt has taken over or the run is being
 * undone; `assertOwned` asks ahead, before work that only the owner should begin.
 */
export async function effectOnce<T>(
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
