import type { Digest } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type { LifecycleKind } from '../../domain/lifecycle/lifecycle';
import type { ProgramRef } from '../../domain/lifecycle/sections/program';
import type { RerunOf } from '../../domain/run/rerun';
import type { Failure, RunRequest, RunStatus } from '../../domain/run/run';
import type { Verdict } from '../../domain/verdict';
import type { Page, PageRequest } from '../page';
import { failure } from '../../domain/failure';
import { approvalWaits } from '../../domain/run/approval-wait';
import { isFinal } from '../../domain/run/run';
import { actingKeyId } from '../acting-key';
import { refuseRunAboveLimit } from '../tenant/limits';
import { referenceArtifact } from '../artifact/repository';
import { lockForRun } from '../lifecycle/revisions';
import type { Database, Query, Transaction } from '../connection';
import { toJson } from '../document';
import { runIdempotently } from '../idempotency/idempotency';
import { newId } from '../ids';
import { afterKey, rowsToAsk, toPage } from '../page';
import type { runs } from './schema';
import type { Statement } from '../sql';
import { appendAudit } from '../audit/entry';
import { notify } from '../notification/notification';
import { enqueueOutbox } from '../notification/outbox-entry';
import { appendEvent } from './event';
import { followEnd } from './follow-up';

export interface RunRecord {
  readonly id: RunId;
  readonly tenant: Tenant;
  readonly lifecycle: string;
  readonly kind: LifecycleKind;
  /** The project build that executes it; null for a built-in lifecycle. */
  readonly program: ProgramRef | null;
  readonly revisionDigest: Digest;
  readonly workflowId: string;
  readonly status: RunStatus;
  readonly verdict: Verdict | null;
  /** The model version that the run registered. */
  readonly version: number | null;
  readonly waitingFor: string | null;
  readonly failure: Failure | null;
  readonly request: RunRequest;
  /** The run whose stages it reuses and what differs from it; null for other runs. */
  readonly rerunOf: RerunOf | null;
  /** The run that started this one, and its stage that waits; null for other runs. */
  readonly parent: { readonly runId: RunId; readonly stage: string } | null;
  readonly actor: string;
  /**
   * API key that started it; for a scheduled run, the key that applied the revision. Null if no
   * request did, as in a program that writes to the registry itself.
   */
  readonly starterKeyId: string | null;
  readonly traceId: string;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

export interface RunRepository {
  /**
   * One transaction: run (`pending`), idempotency row, outbox entry `run.start` with payload {@link
   * RunStartPayload}, first event, audit row. A repeated key with the same `requestDigest` returns
   * the first run; another digest throws Conflict.
   */
  accept(input: {
    readonly tenant: Tenant;
    readonly lifecycle: string;
    readonly revisionDigest: Digest;
    readonly request: RunRequest;
    readonly rerunOf?: RerunOf | undefined;
    readonly actor: string;
    readonly traceId: string;
    readonly idempotencyKey?: string | undefined;
    readonly requestDigest: Digest;
  }): Promise<{ readonly run: RunRecord; readonly created: boolean }>;
  /**
   * Finds the run of a workflow or creates it (`running`), because a scheduled workflow did not go
   * through `accept`. Uses the lifecycle's current revision if none is named.
   */
  open(input: {
    readonly tenant: Tenant;
    readonly workflowId: string;
    readonly lifecycle: string;
    readonly revisionDigest?: Digest | undefined;
    readonly request: RunRequest;
    readonly actor: string;
    readonly traceId: string;
  }): Promise<RunRecord>;
  get(input: { readonly tenant: Tenant; readonly id: RunId }): Promise<RunRecord | null>;
  ofWorkflow(input: {
    readonly tenant: Tenant;
    readonly workflowId: string;
  }): Promise<RunRecord | null>;
  list(
    input: {
      readonly tenant: Tenant;
      readonly lifecycle?: string | undefined;
      readonly status?: RunStatus | undefined;
    } & PageRequest,
  ): Promise<Page<RunRecord>>;
  /**
   * Sets the given fields, with an event and an audit row in the same transaction, and returns the
   * row. A run in a final state stays unchanged, so the result shows which state won. `waiting`
   * requires `waitingFor`, `paused` allows it, and any other status clears it.
   */
  update(input: {
    readonly tenant: Tenant;
    readonly id: RunId;
    readonly status: RunStatus;
    readonly verdict?: Verdict | null | undefined;
    readonly version?: number | null | undefined;
    readonly waitingFor?: string | null | undefined;
    readonly failure?: Failure | null | undefined;
    readonly actor?: string | undefined;
  }): Promise<RunRecord>;
  /**
   * Starts the undo of a run. From then on its effects are rejected (FencedOff) in every process,
   * and it cannot end as succeeded or stopped. A repetition does nothing. A run in a final state
   * stays unchanged; there is nothing to undo.
   */
  beginUndo(input: { readonly tenant: Tenant; readonly id: RunId }): Promise<RunRecord>;
  /**
   * Shows what an observer found to block the run, beside the workflow's own `waitingFor`; null
   * clears it. Any state that the workflow writes replaces it. Does nothing if the run differs from
   * `seen`. Only the first text and its removal add events, because the text may change with each
   * failed attempt.
   */
  showHeldUp(input: {
    readonly tenant: Tenant;
    readonly id: RunId;
    readonly seen: Pick<RunRecord, 'status' | 'waitingFor'>;
    readonly heldUp: string | null;
    readonly actor: string;
  }): Promise<void>;
  /**
   * Runs in no final state that were not touched for `olderThanSeconds` or are shown as held up. Of
   * all tenants, by tenant and then oldest first, `limit` of them after `after`.
   */
  unfinished(input: UnfinishedRuns): Promise<readonly RunRecord[]>;
}

export interface UnfinishedRuns {
  readonly olderThanSeconds: number;
  readonly limit: number;
  readonly after?: Pick<RunRecord, 'tenant' | 'id'> | undefined;
}

/** Payload of the outbox topic `run.start`. */
export interface RunStartPayload {
  readonly runId: RunId;
  readonly workflowId: string;
  readonly lifecycle: string;
  readonly kind: LifecycleKind;
  readonly program: ProgramRef | null;
  readonly revisionDigest: Digest;
  readonly request: RunRequest;
  readonly actor: string;
  readonly traceId: string;
}

export type RunRow = typeof runs.$inferSelect;

export function createRunRepository({ sql }: Database): RunRepository {
  return {
    accept: (input) =>
      sql.begin(async (tx) => {
        const { tenant, idempotencyKey, requestDigest } = input;
        if (idempotencyKey === undefined) return { run: await acceptOne(tx, input), created: true };
        let created = false;
        const keyed = {
          tenant,
          operation: 'run.accept',
          key: idempotencyKey,
          request: requestDigest,
        };
        const { id } = await runIdempotently(tx, keyed, async () => {
          created = true;
          return { id: (await acceptOne(tx, input)).id };
        });
        return { run: await existing(tx, tenant, id), created };
      }),

    open: (input) => sql.begin((tx) => openOne(tx, input)),

    async get({ tenant, id }) {
      const [row] = await sql<
        RunRow[]
      >`select * from runs where tenant_id = ${tenant} and id = ${id}`;
      return row ? toRecord(row) : null;
    },

    async ofWorkflow({ tenant, workflowId }) {
      const [row] = await sql<
        RunRow[]
      >`select * from runs where tenant_id = ${tenant} and workflow_id = ${workflowId}`;
      return row ? toRecord(row) : null;
    },

    async list({ tenant, lifecycle, status, ...page }) {
      const after = afterKey(page);
      const rows = await sql<RunRow[]>`
        select * from runs where tenant_id = ${tenant}
          and ${lifecycle === undefined ? sql`true` : sql`lifecycle = ${lifecycle}`}
          and ${status === undefined ? sql`true` : sql`status = ${status}`}
          and ${after === null ? sql`true` : sql`id < ${after}`}
        order by id desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => row.id, toRecord);
    },

    update: (input) => sql.begin((tx) => update(tx, input)),

    async beginUndo({ tenant, id }) {
      // Waits for the transactions that passed `guardRun`.
      const [row] = await sql<RunRow[]>`
        update runs set undo_since = coalesce(undo_since, now()), touched_at = now()
        where tenant_id = ${tenant} and id = ${id} and ended_at is null returning *`;
      return row ? toRecord(row) : existing(sql, tenant, id);
    },

    async showHeldUp({ tenant, id, seen, heldUp, actor }) {
      const own = ownWaitingFor(seen);
      const waitingFor =
        heldUp === null || own === null ? (heldUp ?? own) : `${own}${heldUpSeparator}${heldUp}`;
      if (waitingFor === seen.waitingFor) return;
      await sql.begin(async (tx) => {
        const [before] = await tx<RunRow[]>`
          select * from runs where tenant_id = ${tenant} and id = ${id} and status = ${seen.status}
            and waiting_for is not distinct from ${seen.waitingFor} for update`;
        if (!before) return;
        await tx`update runs set waiting_for = ${waitingFor} where tenant_id = ${tenant} and id = ${id}`;
        if (heldUp !== null && seen.waitingFor !== own) return;
        const { status, verdict, version, failure: failed } = before;
        await appendEvent(tx, {
          tenant,
          runId: id,
          kind: 'run.status',
          data: { status, verdict, version, failure: failed, waitingFor },
        });
        const [cause, after] = [heldUp ?? 'goes on', toAuditedState({ ...before, waitingFor })];
        await auditRun(tx, {
          id,
          tenant,
          actor,
          action: 'run.update',
          cause,
          before: toAuditedState(before),
          after,
        });
      });
    },

    async unfinished(input) {
      return (await selectUnfinished(sql, input)).map(toRecord);
    },
  };
}

/** One page. Runs when it is awaited. */
export function selectUnfinished(
  sql: Query,
  { olderThanSeconds, limit, after }: UnfinishedRuns,
): Statement<RunRow[]> {
  return sql<RunRow[]>`
    select * from runs where status not in ('succeeded', 'stopped', 'failed', 'cancelled', 'lost')
      and (touched_at <= now() - make_interval(secs => ${olderThanSeconds})
        or waiting_for is not null and (status in ('pending', 'running') or position(${heldUpSeparator} in waiting_for) > 0))
      and ${after === undefined ? sql`true` : sql`(tenant_id, id) > (${after.tenant}, ${after.id})`}
    order by tenant_id, id limit ${limit}`;
}

/** The `ProgramRef` of a spec, or null. */
function selectProgram(sql: Query) {
  return sql`case when spec -> 'program' is not null then
    json_build_object('project', spec -> 'program' ->> 'project', 'build', spec -> 'program' ->> 'build') end`;
}

/** `RunRepository.open` in the caller's transaction. */
export async function openOne(
  tx: Transaction,
  input: Parameters<RunRepository['open']>[0],
): Promise<RunRecord> {
  const { tenant, workflowId, lifecycle, request, actor } = input;
  const [accepted] =
    await tx`select from runs where tenant_id = ${tenant} and workflow_id = ${workflowId}`;
  // A run that was accepted before the lifecycle was archived continues.
  if (accepted === undefined) {
    await refuseRunAboveLimit(tx, tenant);
    await lockForRun(tx, { tenant, name: lifecycle });
  }
  const id = newId('run') as RunId;
  const [made] = await tx<RunRow[]>`
    insert into runs (tenant_id, id, lifecycle, kind, program, revision_digest, workflow_id, status, request, actor, starter_key_id, trace_id, started_at)
    select l.tenant_id, ${id}, l.name, r.spec ->> 'kind', ${selectProgram(tx)}, r.digest, ${workflowId}, 'running', ${toJson(request)}, ${actor}, r.applied_by_key,
      ${input.traceId}, now()
    from lifecycles l join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name
      and ${input.revisionDigest === undefined ? tx`r.revision = l.current_revision` : tx`r.digest = ${input.revisionDigest}`}
    where l.tenant_id = ${tenant} and l.name = ${lifecycle}
    on conflict on constraint runs_workflow_unique do nothing returning *`;
  if (made) {
    await appendEvent(tx, {
      tenant,
      runId: id,
      kind: 'run.opened',
      data: { lifecycle, actor },
    });
    await auditRun(tx, {
      id,
      tenant,
      actor,
      action: 'run.open',
      cause: request.reason ?? 'started by its workflow',
      after: { workflowId },
    });
    return toRecord(made);
  }
  const [found] = await tx<
    RunRow[]
  >`select * from runs where tenant_id = ${tenant} and workflow_id = ${workflowId}`;
  if (!found) throw revisionNotFound(lifecycle, input.revisionDigest);
  return found.status === 'pending'
    ? update(tx, { tenant, id: found.id, status: 'running' })
    : toRecord(found);
}

/** With `child`, the run belongs to a stage of its parent. */
export async function acceptOne(
  tx: Transaction,
  input: Omit<Parameters<RunRepository['accept']>[0], 'idempotencyKey' | 'requestDigest'> & {
    readonly child?: NonNullable<RunRecord['parent']> & { readonly starterKeyId: string | null };
  },
): Promise<RunRecord> {
  const { tenant, lifecycle, revisionDigest, request, rerunOf, actor, traceId, child } = input;
  const starter = child ? child.starterKeyId : actingKeyId();
  const id = newId('run') as RunId;
  const workflowId = `run/${tenant}/${lifecycle}/${id}`;
  // Its parent waits for a child, so a refused child would fail a run that was accepted.
  if (!child) await refuseRunAboveLimit(tx, tenant);
  await lockForRun(tx, { tenant, name: lifecycle });
  const [row] = await tx<RunRow[]>`
    insert into runs (tenant_id, id, lifecycle, kind, program, revision_digest, workflow_id, status, request, rerun_of, parent_run_id, parent_stage, actor, starter_key_id, trace_id)
    select tenant_id, ${id}, lifecycle, spec ->> 'kind', ${selectProgram(tx)}, digest, ${workflowId}, 'pending', ${toJson(request)}, ${toJson(rerunOf)}, ${child?.runId ?? null}, ${child?.stage ?? null}, ${actor}, ${starter}, ${traceId}
    from lifecycle_revisions where tenant_id = ${tenant} and lifecycle = ${lifecycle} and digest = ${revisionDigest}
    returning *`;
  if (!row) throw revisionNotFound(lifecycle, revisionDigest);
  const payload: RunStartPayload = {
    runId: id,
    workflowId,
    lifecycle,
    kind: row.kind,
    program: row.program,
    revisionDigest,
    request,
    actor,
    traceId,
  };
  const { imported } = request;
  // The run holds the file from the start, because its stages may begin after the upload's lease.
  if (imported)
    await referenceArtifact(tx, { tenant, digest: imported.artifact.digest, by: `run:${id}` });
  await appendEvent(tx, { tenant, runId: id, kind: 'run.accepted', data: { lifecycle, actor } });
  await enqueueOutbox(tx, { tenant, topic: 'run.start', payload });
  await auditRun(tx, {
    id,
    tenant,
    actor,
    action: 'run.accept',
    cause: request.reason ?? 'requested',
    after: { lifecycle, revisionDigest, ...(rerunOf && { rerunOf }) },
  });
  return toRecord(row);
}

async function update(
  tx: Transaction,
  input: Parameters<RunRepository['update']>[0],
): Promise<RunRecord> {
  const { tenant, id, status } = input;
  const [before] = await tx<
    RunRow[]
  >`select * from runs where tenant_id = ${tenant} and id = ${id} for update`;
  if (!before) throw failure('NotFound', `there is no run ${id}`);
  if (isFinal(before.status)) return toRecord(before);
  if (before.undoSince !== null && (status === 'succeeded' || status === 'stopped')) {
    throw failure('FencedOff', `run ${id} is being undone: it cannot end as ${status}`);
  }

  const after = {
    status,
    verdict: input.verdict === undefined ? before.verdict : input.verdict,
    version: input.version === undefined ? before.version : input.version,
    failure: input.failure === undefined ? before.failure : input.failure,
    waitingFor:
      status === 'waiting' || status === 'paused'
        ? input.waitingFor === undefined
          ? before.waitingFor
          : input.waitingFor
        : null,
  };
  if (status === 'waiting' && after.waitingFor === null)
    throw failure('InvalidInput', `run ${id} cannot have the status waiting without waitingFor`);
  if (sameState(before, after)) return toRecord(before);

  const [row] = await tx<RunRow[]>`
    update runs set status = ${status}, verdict = ${toJson(after.verdict)}, version = ${after.version}, failure = ${toJson(after.failure)},
      waiting_for = ${after.waitingFor}, awaits_approval = ${awaitsApproval(after)}, touched_at = now(),
      started_at = case when ${status} = 'pending' then started_at else coalesce(started_at, now()) end,
      ended_at = case when ${isFinal(status)} then now() end
    where tenant_id = ${tenant} and id = ${id} returning *`;
  const actor = input.actor ?? `run:${id}`;
  const cause =
    after.failure?.message ?? after.waitingFor ?? (isFinal(status) ? 'ended' : 'went on');
  await appendEvent(tx, { tenant, runId: id, kind: 'run.status', data: after });
  if (isFinal(status)) await followEnd(tx, { tenant, id, parentRunId: before.parentRunId, status });
  // Not when only the text of a wait changes: a rollout's estimate would notify all day.
  if (status !== before.status) {
    await notify(tx, {
      tenant,
      lifecycle: before.lifecycle,
      event: `run.${status}`,
      subject: id,
      data: { runId: id, ...after },
    });
  }
  await auditRun(tx, {
    id,
    tenant,
    actor,
    action: 'run.update',
    cause,
    before: toAuditedState(before),
    after: toAuditedState(after),
  });
  return row ? toRecord(row) : existing(tx, tenant, id);
}

const heldUpSeparator = '; held up: ';

/**
 * Waiting and paused runs set `waitingFor` themselves. In other open states only an observer sets
 * it.
 */
function ownWaitingFor({
  status,
  waitingFor,
}: Pick<RunRow, 'status' | 'waitingFor'>): string | null {
  return status === 'waiting' || status === 'paused'
    ? (waitingFor?.split(heldUpSeparator)[0] ?? null)
    : null;
}

function awaitsApproval({ status, waitingFor }: Pick<RunRow, 'status' | 'waitingFor'>): boolean {
  return status === 'waiting' && approvalWaits(waitingFor ?? '').length > 0;
}

type AuditedRunState = Pick<RunRow, 'status' | 'verdict' | 'version' | 'failure' | 'waitingFor'>;

function toAuditedState({ status, verdict, version, waitingFor }: AuditedRunState) {
  return { status, verdict: verdict?.kind ?? null, version, waitingFor };
}

function sameState(a: AuditedRunState, b: AuditedRunState): boolean {
  return (
    toJson([a.status, a.verdict, a.version, a.failure, a.waitingFor]) ===
    toJson([b.status, b.verdict, b.version, b.failure, b.waitingFor])
  );
}

async function auditRun(
  tx: Query,
  {
    id,
    ...entry
  }: {
    readonly id: RunId;
    readonly tenant: Tenant;
    readonly actor: string;
    readonly action: string;
  } & {
    readonly cause: string;
    readonly before?: unknown;
    readonly after: unknown;
  },
): Promise<void> {
  await appendAudit(tx, { ...entry, subject: `run:${id}` });
}

async function existing(tx: Query, tenant: Tenant, id: RunId): Promise<RunRecord> {
  const [row] = await tx<RunRow[]>`select * from runs where tenant_id = ${tenant} and id = ${id}`;
  if (!row) throw failure('NotFound', `there is no run ${id}`);
  return toRecord(row);
}

function revisionNotFound(lifecycle: string, digest: Digest | undefined) {
  const what =
    digest === undefined
      ? `there is no lifecycle ${lifecycle}`
      : `lifecycle ${lifecycle} has no revision ${digest}`;
  return failure('NotFound', what, { next: 'perennial lifecycle apply' });
}

export function toRecord(row: RunRow): RunRecord {
  const {
    id,
    tenantId: tenant,
    lifecycle,
    kind,
    program,
    revisionDigest,
    workflowId,
    status,
    verdict,
    version,
    waitingFor,
  } = row;
  const {
    failure: failed,
    request,
    rerunOf,
    parentRunId,
    parentStage,
    actor,
    starterKeyId,
    traceId,
    createdAt,
    startedAt,
    endedAt,
  } = row;
  const state = { status, verdict, version, waitingFor, failure: failed };
  return {
    id,
    tenant,
    lifecycle,
    kind,
    program,
    revisionDigest,
    workflowId,
    ...state,
    request,
    rerunOf,
    parent:
      parentRunId !== null && parentStage !== null
        ? { runId: parentRunId, stage: parentStage }
        : null,
    actor,
    starterKeyId,
    traceId,
    createdAt,
    startedAt,
    endedAt,
  };
}
