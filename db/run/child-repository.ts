/** Runs that another run has started and waits for. */
import { failure } from '../../domain/failure';
import type { Digest } from '../../domain/dataset/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import { isFinal, type RunRequest } from '../../domain/run/run';
import { appendAudit } from '../audit/entry';
import type { Columns } from '../columns';
import type { Database, Query, Transaction } from '../connection';
import { enqueueOutbox } from '../notification/outbox-entry';
import { appendEvent } from './event';
import { guardRun, lockRun } from './guard';
import { acceptOne, toRecord, type RunRecord, type RunRow } from './repository';
import type { runs } from './schema';
import type { RunCancelPayload } from './follow-up';

export interface ChildRunRepository {
  /**
   * Accepts the child that a stage of its parent waits for. A second call of the stage returns the
   * first child.
   * @throws Conflict that names the cycle when the lifecycle is one of its own ancestors; FencedOff
   *   when the parent has ended or is being undone.
   */
  accept(input: {
    readonly tenant: Tenant;
    readonly parent: { readonly runId: RunId; readonly stage: string };
    readonly lifecycle: string;
    readonly revisionDigest: Digest;
    readonly request: RunRequest;
  }): Promise<RunRecord>;
  /** Oldest first. */
  ofRun(input: { readonly tenant: Tenant; readonly runId: RunId }): Promise<readonly RunRecord[]>;
  /** Requests the cancellation of a child, with an audit row. Does nothing once it has ended. */
  cancel(input: {
    readonly tenant: Tenant;
    readonly child: RunId;
    readonly cause: string;
  }): Promise<void>;
}

export function createChildRunRepository({ sql }: Database): ChildRunRepository {
  return {
    accept: ({ tenant, parent, lifecycle, revisionDigest, request }) =>
      sql.begin(async (tx) => {
        await lockRun(tx, { tenant, runId: parent.runId });
        await guardRun(tx, { tenant, runId: parent.runId });
        const [earlier] = await tx<RunRow[]>`
          select * from runs where tenant_id = ${tenant} and parent_run_id = ${parent.runId}
            and parent_stage = ${parent.stage}`;
        if (earlier) return toRecord(earlier);
        await refuseCycle(tx, { tenant, runId: parent.runId, lifecycle });
        const [up] = await tx<Columns<typeof runs, 'starterKeyId' | 'traceId'>[]>`
          select starter_key_id, trace_id from runs
          where tenant_id = ${tenant} and id = ${parent.runId}`;
        const child = await acceptOne(tx, {
          tenant,
          lifecycle,
          revisionDigest,
          request,
          actor: `run:${parent.runId}`,
          traceId: up?.traceId ?? '',
          // Who started the parent may not approve what its children do either.
          child: { ...parent, starterKeyId: up?.starterKeyId ?? null },
        });
        await appendEvent(tx, {
          tenant,
          runId: parent.runId,
          kind: 'child.started',
          stage: parent.stage,
          data: { run: child.id, lifecycle },
        });
        return child;
      }),

    async ofRun({ tenant, runId }) {
      const rows = await sql<RunRow[]>`
        select * from runs where tenant_id = ${tenant} and parent_run_id = ${runId} order by id`;
      return rows.map(toRecord);
    },

    cancel: ({ tenant, child, cause }) =>
      sql.begin(async (tx) => {
        const [run] = await tx<Columns<typeof runs, 'status' | 'workflowId' | 'parentRunId'>[]>`
          select status, workflow_id, parent_run_id from runs
          where tenant_id = ${tenant} and id = ${child} for update`;
        if (!run || isFinal(run.status)) return;
        const payload: RunCancelPayload = { runId: child };
        await enqueueOutbox(tx, { tenant, topic: 'run.cancel', payload });
        await appendAudit(tx, {
          tenant,
          actor: `run:${run.parentRunId ?? ''}`,
          action: 'run.cancel',
          subject: `run:${child}`,
          cause,
        });
      }),
  };
}

async function refuseCycle(
  tx: Transaction | Query,
  {
    tenant,
    runId,
    lifecycle,
  }: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly lifecycle: string;
  },
): Promise<void> {
  const ancestors = await tx<Columns<typeof runs, 'lifecycle'>[]>`
    with recursive up as (
      select lifecycle, parent_run_id, 1 as depth from runs
      where tenant_id = ${tenant} and id = ${runId}
      union all
      select r.lifecycle, r.parent_run_id, up.depth + 1 from runs r
      join up on r.tenant_id = ${tenant} and r.id = up.parent_run_id
    )
    select lifecycle from up order by depth desc`;
  const names = ancestors.map((each) => each.lifecycle);
  const from = names.indexOf(lifecycle);
  if (from < 0) return;
  const cycle = [...names.slice(from), lifecycle].join(' → ');
  throw failure('Conflict', `child runs form a cycle: ${cycle}`, {
    next: `remove run.child('${lifecycle}') from ${names.at(-1) ?? 'the lifecycle'}`,
  });
}
