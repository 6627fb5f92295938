/** Runs that another run has started and waits for. */
import { failure } from '../../domain/failure';
import type { Digest } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type { RunRequest } from '../../domain/run/run';
import type { Columns } from '../columns';
import type { Database, Query, Transaction } from '../connection';
import { appendEvent } from './event';
import { guardRun, lockRun } from './guard';
import { acceptOne, toRecord, type RunRecord, type RunRow } from './repository';
import type { runs } from './schema';
import { requestCancellation, type ChildCancellation } from './follow-up';

export interface ChildRunRepository {
  /**
   * Accepts the child that a stage of its parent waits for. A second call of the stage returns the
   * first child.
   * @throws Conflict that names the cycle when the lifecycle is one of its own ancestors; FencedOff
   *   when the parent has ended or is being undone.
   */
  accept(input: {
    readonly tenant: Tenant;
    readonly parent: NonNullable<RunRecord['parent']>;
    readonly lifecycle: string;
    readonly revisionDigest: Digest;
    readonly request: RunRequest;
  }): Promise<RunRecord>;
  /** The child that the stage of the parent has started; null for none. */
  ofStage(input: {
    readonly tenant: Tenant;
    readonly parent: NonNullable<RunRecord['parent']>;
  }): Promise<RunRecord | null>;
  /** The newest `limit` children, oldest first. */
  ofRun(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly limit: number;
  }): Promise<readonly RunRecord[]>;
  /**
   * Requests the cancellation of a child of this parent, with an audit row. Does nothing for
   * another run, for a child that has ended, and the second time.
   */
  cancel(input: ChildCancellation): Promise<void>;
}

export function createChildRunRepository({ sql }: Database): ChildRunRepository {
  return {
    accept: ({ tenant, parent, lifecycle, revisionDigest, request }) =>
      sql.begin(async (tx) => {
        await lockRun(tx, { tenant, runId: parent.runId });
        await guardRun(tx, { tenant, runId: parent.runId });
        const earlier = await findChild(tx, { tenant, parent });
        if (earlier) return earlier;
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

    ofStage: (of) => findChild(sql, of),

    async ofRun({ tenant, runId, limit }) {
      const rows = await sql<RunRow[]>`
        select * from runs where tenant_id = ${tenant} and parent_run_id = ${runId}
        order by id desc limit ${limit}`;
      return rows.reverse().map(toRecord);
    },

    cancel: (of) => sql.begin((tx) => requestCancellation(tx, of)),
  };
}

async function findChild(
  sql: Transaction | Query,
  {
    tenant,
    parent: { runId, stage },
  }: { readonly tenant: Tenant; readonly parent: NonNullable<RunRecord['parent']> },
): Promise<RunRecord | null> {
  const [child] = await sql<RunRow[]>`
    select * from runs where tenant_id = ${tenant} and parent_run_id = ${runId}
      and parent_stage = ${stage}`;
  return child ? toRecord(child) : null;
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
