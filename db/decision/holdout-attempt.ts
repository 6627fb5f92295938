import { failure } from '../../domain/failure';
import type { Attempt } from '../../domain/evaluation/attempts';
import type { Tenant } from '../../domain/ids';
import type { Transaction } from '../connection';

/** Records the decision on an attempt. NotFound when the attempt was not claimed. */
export async function decideAttempt(
  tx: Transaction,
  {
    tenant,
    model,
    holdout,
    number,
    decision,
  }: Attempt & { readonly tenant: Tenant; readonly model: string; readonly decision: string },
): Promise<void> {
  const [noted] = await tx`
    update holdout_attempts set decision = ${decision}
    where tenant_id = ${tenant} and model = ${model} and holdout = ${holdout} and number = ${number} returning number`;
  if (!noted)
    throw failure(
      'NotFound',
      `attempt ${number} of ${model} on holdout ${holdout} was not claimed before its decision`,
    );
}
