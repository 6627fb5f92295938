/** What follows for other runs when a run ends. */
import type { RunId, Tenant } from '../../domain/ids';
import { childRecord, type RecordName } from '../../domain/run/record-name';
import { appendAudit } from '../audit/entry';
import type { Columns } from '../columns';
import type { Transaction } from '../connection';
import { enqueueOutbox } from '../notification/outbox-entry';
import type { runs } from './schema';

/** Payload of the outbox topic `run.changed`. */
export interface RunChangedPayload {
  readonly workflowId: string;
  /** What has changed. Absent in the entries of older versions. */
  readonly changed?: RecordName;
}

/** Payload of the outbox topic `run.cancel`. */
export interface RunCancelPayload {
  readonly runId: RunId;
}

/** Its parent is notified, and its open children are cancelled. */
export async function followEnd(
  tx: Transaction,
  {
    tenant,
    id,
    parentRunId,
  }: { readonly tenant: Tenant } & Pick<
    Columns<typeof runs, 'id' | 'parentRunId'>,
    'id' | 'parentRunId'
  >,
): Promise<void> {
  if (parentRunId !== null) {
    const [parent] = await tx<Columns<typeof runs, 'workflowId'>[]>`
      select workflow_id from runs
      where tenant_id = ${tenant} and id = ${parentRunId} and ended_at is null`;
    if (parent) {
      const { workflowId } = parent;
      const payload: RunChangedPayload = { workflowId, changed: childRecord(id) };
      await enqueueOutbox(tx, { tenant, topic: 'run.changed', payload });
    }
  }
  const children = await tx<Columns<typeof runs, 'id'>[]>`
    select id from runs where tenant_id = ${tenant} and parent_run_id = ${id} and ended_at is null`;
  for (const { id: runId } of children) {
    const payload: RunCancelPayload = { runId };
    await enqueueOutbox(tx, { tenant, topic: 'run.cancel', payload });
  }
}
