import { failure } from '../../domain/failure';
import type { RunId, Tenant } from '../../domain/ids';
import { eventRecord } from '../../domain/run/record-name';
import { isFinal } from '../../domain/run/run';
import { appendAudit } from '../audit/entry';
import type { Columns } from '../columns';
import type { Database, Transaction } from '../connection';
import { computeDigest } from '../document';
import { runIdempotently } from '../idempotency/idempotency';
import { newId } from '../ids';
import { enqueueOutbox } from '../notification/outbox-entry';
import { appendEvent } from './event';
import { lockRun } from './guard';
import type { RunChangedPayload } from './follow-up';
import type { runs } from './schema';
import type { sentEvents } from './sent-event-schema';

export interface SentEventRecord {
  readonly id: string;
  readonly runId: RunId;
  readonly event: string;
  /** Matches the schema that the lifecycle declares. */
  readonly data: unknown;
  /** Who sent it. */
  readonly actor: string;
  readonly createdAt: string;
  /** The stage that received the event; null while the event is kept. */
  readonly takenBy: string | null;
}

/** The largest number of events of one run that no wait has taken. */
const maxKept = 1000;

export interface SentEventRepository {
  /**
   * One transaction: the event, its event in the run's feed, audit row and outbox entry. A repeated
   * key with an equal request returns the first event.
   * @throws Conflict when the run has ended or has too many events that no wait has taken.
   */
  send(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly event: string;
    readonly data: unknown;
    readonly actor: string;
    readonly cause: string;
    readonly idempotencyKey: string;
  }): Promise<SentEventRecord>;
  /**
   * The oldest event of that name that no wait has taken; null if there is none. A second call of
   * the same stage returns the event that the stage took.
   */
  take(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly event: string;
    readonly stage: string;
  }): Promise<SentEventRecord | null>;
  /** The newest `limit` events, oldest first. */
  ofRun(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly limit: number;
  }): Promise<readonly SentEventRecord[]>;
}

type SentEventRow = typeof sentEvents.$inferSelect;

export function createSentEventRepository({ sql }: Database): SentEventRepository {
  return {
    send: ({ idempotencyKey: key, ...input }) =>
      sql.begin((tx) => {
        const { tenant, runId, event, data } = input;
        const request = { runId, event, data };
        return runIdempotently(tx, { tenant, operation: 'run.send', key, request }, () =>
          insert(tx, input),
        );
      }),

    take: ({ tenant, runId, event, stage }) =>
      sql.begin(async (tx) => {
        const [earlier] = await tx<SentEventRow[]>`
          select * from sent_events
          where tenant_id = ${tenant} and run_id = ${runId} and taken_by = ${stage}`;
        if (earlier) return toRecord(earlier);
        const [taken] = await tx<SentEventRow[]>`
          update sent_events set taken_by = ${stage}, taken_at = now()
          where tenant_id = ${tenant} and id = (
            select id from sent_events
            where tenant_id = ${tenant} and run_id = ${runId} and event = ${event}
              and taken_by is null
            order by id limit 1 for update)
          returning *`;
        return taken ? toRecord(taken) : null;
      }),

    async ofRun({ tenant, runId, limit }) {
      const rows = await sql<SentEventRow[]>`
        select * from sent_events where tenant_id = ${tenant} and run_id = ${runId}
        order by id desc limit ${limit}`;
      return rows.reverse().map(toRecord);
    },
  };
}

async function insert(
  tx: Transaction,
  {
    tenant,
    runId,
    event,
    data,
    actor,
    cause,
  }: Omit<Parameters<SentEventRepository['send']>[0], 'idempotencyKey'>,
): Promise<SentEventRecord> {
  await lockRun(tx, { tenant, runId });
  const [run] = await tx<Columns<typeof runs, 'status' | 'undoSince' | 'workflowId'>[]>`
    select status, undo_since, workflow_id from runs
    where tenant_id = ${tenant} and id = ${runId}`;
  if (!run) throw failure('NotFound', `there is no run ${runId}`, { next: 'perennial run list' });
  if (isFinal(run.status) || run.undoSince !== null)
    throw failure(
      'Conflict',
      `${runId} accepts no more events: ` +
        (isFinal(run.status)
          ? `it has already ended (status: ${run.status})`
          : 'it is being undone'),
      { next: `perennial run show ${runId}` },
    );
  const [kept] = await tx<{ readonly count: number }[]>`
    select count(*)::int as count from sent_events
    where tenant_id = ${tenant} and run_id = ${runId} and taken_by is null`;
  if ((kept?.count ?? 0) >= maxKept)
    throw failure('Conflict', `${runId} already keeps ${maxKept} events for later waits`, {
      next: 'send the event when the run has taken some of them',
    });
  const id = newId('evt');
  const [row] = await tx<SentEventRow[]>`
    insert into sent_events (tenant_id, id, run_id, event, data, actor)
    values (${tenant}, ${id}, ${runId}, ${event}, ${JSON.stringify(data)}, ${actor}) returning *`;
  if (!row) throw new Error('the insert of an event returned no row');
  await appendEvent(tx, { tenant, runId, kind: 'event.sent', data: { id, event, actor } });
  const payload: RunChangedPayload = { workflowId: run.workflowId, changed: eventRecord(event) };
  await enqueueOutbox(tx, { tenant, topic: 'run.changed', payload });
  await appendAudit(tx, {
    tenant,
    actor,
    action: 'run.send',
    subject: `run:${runId}`,
    cause,
    after: { id, event, dataDigest: computeDigest(data) },
  });
  return toRecord(row);
}

function toRecord({ tenantId: _, takenAt: __, ...record }: SentEventRow): SentEventRecord {
  return record;
}
