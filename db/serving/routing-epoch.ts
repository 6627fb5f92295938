import type { Columns } from '../columns';
import type { Transaction } from '../connection';
import type { routingEpoch } from './gateway-schema';

/**
 * Last in a transaction that changes routing: all models share this row, and it stays locked until
 * the commit. The commit notifies the gateways.
 */
export async function raiseRoutingEpoch(tx: Transaction): Promise<number> {
  const [next] = await tx<Columns<typeof routingEpoch, 'epoch'>[]>`
    with next as (update routing_epoch set epoch = epoch + 1 returning epoch)
    select epoch, pg_notify('perennial_routing', epoch::text) from next`;
  if (!next) throw new Error('the table routing_epoch has no row');
  return next.epoch;
}
