import { activityInfo } from '@temporalio/activity';
import type { IdempotencyKey, Tenant } from '../domain/ids';
import type { Registry } from '../db/registry';

/**
 * One effect per key (I4): the journal answers when it is done already, else `work` runs and its result is journalled. `assertOwned` throws FencedOff
 * once a newer attempt has taken over: to be asked before each write that cannot carry the claim's token.
 */
export async function effectOnce<T>(
  effects: Registry['effects'],
  { tenant, key }: { readonly tenant: Tenant; readonly key: IdempotencyKey },
  work: (assertOwned: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const { attempt, workflowExecution, activityId } = activityInfo();
  const claim = await effects.claim({ tenant, key, attempt, execution: `${workflowExecution?.runId ?? ''}/${activityId}` });
  if (claim.kind === 'done') return claim.result as T;
  const { token } = claim;
  const result = await work(() => effects.assertOwned({ tenant, key, token }));
  await effects.complete({ tenant, key, token, result });
  return result;
}
