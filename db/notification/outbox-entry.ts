import type { Tenant } from '../../domain/ids';
import type { Query } from '../connection';
import { toJson } from '../document';
import { newId } from '../ids';
import type { OutboxTopic } from './outbox-schema';

/** Adds an outbox entry in the transaction that causes it. */
export async function enqueueOutbox(
  tx: Query,
  entry: { readonly tenant: Tenant; readonly topic: OutboxTopic; readonly payload: object },
): Promise<void> {
  await tx`
    insert into outbox (tenant_id, id, topic, payload)
    values (${entry.tenant}, ${newId('out')}, ${entry.topic}, ${toJson(entry.payload)})`;
}
