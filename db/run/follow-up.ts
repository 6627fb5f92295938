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

export interface ChildCancellation {
  readonly tenant: Tenant;
  readonly parent: RunId;
  readonly child: RunId;
  readonly cause: string;
}

/** Its parent is notified, and its open children are cancelled. */
export async function followEnd(
  tx: Transaction,
  {
    tenant,
    id,
    parentRunId,
    status,
  }: { readonly tenant: Tenant } & Pick<
    Columns<typeof runs, 'id' | 'parentRunId' | 'status'>,
    'id' | 'parentRunId' | 'status'
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
  const cause = `its parent ${id} ended as ${status}`;
  for (const { id: child } of children)
    await requestCancellation(tx, { tenant, parent: id, child, cause });
}

/** Adds the outbox entry and the audit row once. Does nothing for a run that is no open child. */
export async function requestCancellation(
  tx: Transaction,
  { tenant, parent, child, cause }: ChildCancellation,
): Promise<void> {
  const [open] = await tx`
    select from runs where tenant_id = ${tenant} and id = ${child} and parent_run_id = ${parent}
      and ended_at is null for no key update`;
  if (!open) return;
  const [actor, action, subject] = [`run:${parent}`, 'run.cancel', `run:${child}`];
  const [earlier] = await tx`
    select from audit_log where tenant_id = ${tenant} and subject = ${subject}
      and action = ${action} and actor = ${actor} limit 1`;
  if (earlier) return;
  const payload: RunCancelPayload = { runId: child };
  await enqueueOutbox(tx, { tenant, topic: 'run.cancel', payload });
  await appendAudit(tx, { tenant, actor, action, subject, cause });
}
