import type { Tenant } from '../../domain/ids';
import type { Transaction } from '../connection';
import { enqueueOutbox } from '../notification/outbox-entry';

/** Payload of the outbox topic `retraining.requested`. */
export interface NewDataPayload {
  readonly lifecycle: string;
  readonly reason: string;
}

/**
 * Asks for a run of each lifecycle that reads this alias and has `triggers.newData`. The requests go
 * through the outbox, so that a limit on runs cannot prevent the move of the alias.
 */
export async function announceNewData(
  tx: Transaction,
  {
    tenant,
    dataset,
    alias,
    version,
  }: {
    readonly tenant: Tenant;
    readonly dataset: string;
    readonly alias: string;
    readonly version: number;
  },
): Promise<void> {
  const readers = await tx<{ lifecycle: string }[]>`
    select l.name as lifecycle from lifecycles l
    join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
    where l.tenant_id = ${tenant} and l.archived_at is null and r.spec->'triggers'->>'newData' = 'true'
      and exists (
        select from json_array_elements(r.spec->'data'->'sources') source where source->>'uri' = ${`dataset://${dataset}@${alias}`}
      )
    order by l.name`;
  for (const { lifecycle } of readers) {
    const payload: NewDataPayload = {
      lifecycle,
      reason: `${dataset}@${alias} is now version ${version}`,
    };
    await enqueueOutbox(tx, { tenant, topic: 'retraining.requested', payload });
  }
}
