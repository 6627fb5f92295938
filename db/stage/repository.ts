import type { Digest } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type { Failure, StageStatus } from '../../domain/run/run';
import type { DecisionRef, Verdict } from '../../domain/verdict';
import { failure } from '../../domain/failure';
import type { Database, Query, Sql, Transaction } from '../connection';
import { toJson } from '../document';
import { afterKey, rowsToAsk, toPage, type Page, type PageRequest } from '../page';
import { newId } from '../ids';
import type { stageRecords } from './schema';

export interface StageRecord {
  readonly runId: RunId;
  readonly stage: string;
  readonly generation: number;
  readonly status: StageStatus;
  readonly cacheKey: Digest;
  /** A small record with references; null until succeeded. */
  readonly output: unknown;
  readonly decision: DecisionRef | null;
  readonly failure: Failure | null;
  readonly reusedFrom: RunId | null;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly seconds: number;
}

export type StageStart =
  | {
      readonly kind: 'reused';
      readonly output: unknown;
      readonly decision: DecisionRef | null;
      readonly fromRun: RunId;
    }
  | { readonly kind: 'run' };

export interface StageRepository {
  /**
   * Stores the stage's record and event. `reuse` takes the newest success of the same tenant,
   * lifecycle, stage and cache key. `importFrom` takes that run's success, or throws NotFound. If
   * that run has another revision or is a project's, the cache key must be equal, or the stage
   * runs. A second call returns the first result. A stage that this run finished is
   * returned as reused from this run. After a reuse whose artifact is gone, a call without `reuse`
   * starts the stage.
   */
  begin(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly stage: string;
    readonly generation: number;
    readonly cacheKey: Digest;
    readonly reuse: boolean;
    readonly importFrom?: RunId | undefined;
  }): Promise<StageStart>;
  /** Ends a running stage, with event and audit row. An ended stage stays unchanged. */
  finish(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly stage: string;
    readonly generation: number;
    readonly status: Exclude<StageStatus, 'running'>;
    readonly output?: unknown;
    readonly failure?: Failure | undefined;
    readonly decisionId?: string | undefined;
  }): Promise<StageRecord>;
  /** No run may reuse the output of the stage any more. A reused stage stays unchanged. */
  markUndone(input: StagePlace): Promise<void>;
  /** Every generation, in the order of their start. */
  list(input: { readonly tenant: Tenant; readonly runId: RunId }): Promise<readonly StageRecord[]>;
  /** The newest generation of this stage in each run of a lifecycle that ended it, newest run first. */
  ofLifecycle(
    input: {
      readonly tenant: Tenant;
      readonly lifecycle: string;
      readonly stage: string;
    } & PageRequest,
  ): Promise<Page<StageRecord>>;
  /** The given generation, or the newest. */
  get(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly stage: string;
    readonly generation?: number | undefined;
  }): Promise<StageRecord | null>;
}

type StageRow = typeof stageRecords.$inferSelect & {
  readonly policy: Digest | null;
  readonly evidence: Digest | null;
  readonly verdict: Verdict | null;
};
type BeginInput = Parameters<StageRepository['begin']>[0];
type StageFinish = Parameters<StageRepository['finish']>[0];
interface StagePlace {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly stage: string;
  readonly generation?: number | undefined;
}

/** The record joined with its decision. */
const withDecision = (sql: Query, record: string) => sql`
  select s.*, d.policy, d.evidence, d.verdict from ${sql(record)} s
  left join decisions d on d.tenant_id = s.tenant_id and d.id = s.decision_id`;

export function createStageRepository({ sql }: Database): StageRepository {
  return {
    async begin(input) {
      if (input.importFrom !== undefined) await requireSuccess(sql, input, input.importFrom);
      const started =
        (await insertStage(sql, input)) ?? (await sql.begin((tx) => restartStage(tx, input)));
      return toStart(started);
    },

    async finish(input) {
      const ended = await endRunning(sql, input);
      if (ended) return toRecord(ended);
      const row = await read(sql, input);
      if (!row)
        throw failure(
          'NotFound',
          `run ${input.runId} never began stage ${input.stage} (${input.generation})`,
        );
      return toRecord(row);
    },

    async markUndone({ tenant, runId, stage }) {
      await sql.begin(async (tx) => {
        const [made] = await tx<Pick<StageRow, 'output' | 'generation'>[]>`
          select output, generation from stage_records
          where tenant_id = ${tenant} and run_id = ${runId} and stage = ${stage} and status = 'succeeded' and reused_from is null
          order by generation desc limit 1 for update`;
        if (!made) return;
        const output = { ...(made.output as object | null), undone: true };
        await tx`
          update stage_records set output = ${toJson(output)}
          where tenant_id = ${tenant} and run_id = ${runId} and stage = ${stage} and generation = ${made.generation}`;
      });
    },

    async list({ tenant, runId }) {
      const rows = await sql<StageRow[]>`
        ${withDecision(sql, 'stage_records')} where s.tenant_id = ${tenant} and s.run_id = ${runId} order by s.started_at, s.stage, s.generation`;
      return rows.map(toRecord);
    },

    async ofLifecycle({ tenant, lifecycle, stage, ...page }) {
      const before = afterKey(page);
      const rows = await sql<StageRow[]>`
        select s.*, d.policy, d.evidence, d.verdict from runs r
        join lateral (select * from stage_records
          where tenant_id = r.tenant_id and run_id = r.id and stage = ${stage} and ended_at is not null
          order by generation desc limit 1) s on true
        left join decisions d on d.tenant_id = s.tenant_id and d.id = s.decision_id
        where r.tenant_id = ${tenant} and r.lifecycle = ${lifecycle} and ${before === null ? sql`true` : sql`r.id < ${before}`}
        order by r.id desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, ({ runId }) => runId, toRecord);
    },

    async get(place) {
      const row = await read(sql, place);
      return row ? toRecord(row) : null;
    },
  };
}

/**
 * The success that the stage may reuse: that of `importFrom`, or the newest one with the same
 * inputs and without `notReusable`. Neither has been undone. Within one revision a rerun takes an output over whatever the
 * inputs. Under another revision and in a project's lifecycle, whose parameters may count in any
 * stage, the stage that made the output must have had equal inputs. The cache searches only stages
 * that ran, so that `reusedFrom` names the run that did the work.
 */
function reusable(sql: Query, { tenant, runId, stage, cacheKey, reuse, importFrom }: BeginInput) {
  if (importFrom !== undefined) {
    return sql`
      select s.output, s.decision_id, coalesce(s.reused_from, s.run_id) as run_id from stage_records s
      join runs origin on origin.tenant_id = s.tenant_id and origin.id = s.run_id
      join runs r on r.tenant_id = ${tenant} and r.id = ${runId}
      where s.tenant_id = ${tenant} and s.run_id = ${importFrom} and s.stage = ${stage} and s.status = 'succeeded'
        and (origin.revision_digest = r.revision_digest and r.program is null or exists (
          select from stage_records made where made.tenant_id = s.tenant_id and made.run_id = coalesce(s.reused_from, s.run_id)
            and made.stage = s.stage and made.status = 'succeeded' and made.reused_from is null
            and made.cache_key = ${cacheKey} and made.output->'undone' is null))
      order by s.generation desc limit 1`;
  }
  return sql`
    select s.output, s.decision_id, s.run_id from stage_records s
    join runs r on r.tenant_id = ${tenant} and r.id = ${runId} and r.lifecycle = s.lifecycle
    where ${reuse} and s.tenant_id = ${tenant} and s.stage = ${stage} and s.cache_key = ${cacheKey}
      and s.status = 'succeeded' and s.reused_from is null and s.output->'notReusable' is null and s.output->'undone' is null
    order by s.ended_at desc limit 1`;
}

/**
 * One statement for the record, its event and, for a reused stage, the audit row. Undefined if the
 * stage has a record.
 */
async function insertStage(sql: Sql, input: BeginInput): Promise<StageRow | undefined> {
  const { tenant, runId, stage, generation, cacheKey } = input;
  const [row] = await sql<StageRow[]>`
    with source as materialized (${reusable(sql, input)}),
    record as (
      insert into stage_records (tenant_id, run_id, lifecycle, stage, generation, status, cache_key, output, decision_id, reused_from, ended_at)
      select r.tenant_id, r.id, r.lifecycle, ${stage}, ${generation}, case when source.run_id is null then 'running' else 'succeeded' end,
        ${cacheKey}, source.output, source.decision_id, source.run_id, case when source.run_id is not null then now() end
      from runs r left join source on true where r.tenant_id = ${tenant} and r.id = ${runId}
      on conflict do nothing returning *
    ),
    ${stageEvent(sql, `run:${runId}`)}
    select shown.*, pg_notify('perennial_events', shown.run_id) from (${withDecision(sql, 'record')}) shown`;
  return row;
}

/** The rare case: a lost attempt or an earlier execution of the same workflow began the stage. */
async function restartStage(tx: Transaction, input: BeginInput): Promise<StageRow> {
  const { tenant, runId, stage, generation, cacheKey, reuse, importFrom } = input;
  const [locked] = await tx<(typeof stageRecords.$inferSelect)[]>`
    select * from stage_records where tenant_id = ${tenant} and run_id = ${runId} and stage = ${stage} and generation = ${generation} for update`;
  if (!locked) throw failure('NotFound', `there is no run ${runId}`);
  const finished =
    locked.status === 'succeeded' &&
    (locked.reusedFrom === null || reuse || importFrom !== undefined);
  if (locked.status === 'running' || finished) {
    const row = await read(tx, input);
    if (row) return row;
  }
  const [row] = await tx<StageRow[]>`
    with record as (
      update stage_records set status = 'running', cache_key = ${cacheKey}, output = null, decision_id = null, failure = null,
        reused_from = null, started_at = now(), ended_at = null
      where tenant_id = ${tenant} and run_id = ${runId} and stage = ${stage} and generation = ${generation} returning *
    ),
    ${stageEvent(tx, `run:${runId}`)}
    select shown.*, pg_notify('perennial_events', shown.run_id) from (${withDecision(tx, 'record')}) shown`;
  if (!row) throw failure('NotFound', `there is no run ${runId}`);
  return row;
}

async function endRunning(sql: Sql, input: StageFinish): Promise<StageRow | undefined> {
  const { tenant, runId, stage, generation, status } = input;
  const [row] = await sql<StageRow[]>`
    with record as (
      update stage_records set status = ${status}, output = ${toJson(input.output)}, failure = ${toJson(input.failure)},
        decision_id = ${input.decisionId ?? null}, ended_at = now()
      where tenant_id = ${tenant} and run_id = ${runId} and stage = ${stage} and generation = ${generation} and status = 'running'
      returning *
    ),
    ${stageEvent(sql, `run:${runId}`)}
    select shown.*, pg_notify('perennial_events', shown.run_id) from (${withDecision(sql, 'record')}) shown`;
  return row;
}

/**
 * Event and audit row of the rows in `record`. The start of a stage changes nothing outside, so it
 * has no audit row.
 */
function stageEvent(sql: Query, actor: string) {
  return sql`
    numbered as (
      update runs r set event_seq = r.event_seq + 1, touched_at = now() from record
      where r.tenant_id = record.tenant_id and r.id = record.run_id returning r.event_seq
    ),
    event as (
      insert into run_events (tenant_id, run_id, seq, kind, stage, data)
      select tenant_id, run_id, event_seq,
        case when status = 'running' then 'stage.started' when reused_from is not null then 'stage.reused' else 'stage.' || status end, stage,
        json_strip_nulls(json_build_object('generation', generation, 'reusedFrom', reused_from, 'decisionId', decision_id, 'failure', failure))
      from record, numbered
    ),
    audited as (
      insert into audit_log (tenant_id, id, actor, action, subject, cause, after)
      select tenant_id, ${newId('aud')}, ${actor}, 'stage.end', 'run:' || run_id, coalesce(failure ->> 'message', 'stage ' || stage || ' ended'),
        json_strip_nulls(json_build_object('stage', stage, 'generation', generation, 'status', status, 'cacheKey', cache_key,
          'reusedFrom', reused_from, 'decisionId', decision_id))
      from record where status <> 'running'
    )`;
}

async function read(
  sql: Query,
  { tenant, runId, stage, generation }: StagePlace,
): Promise<StageRow | undefined> {
  const [row] = await sql<StageRow[]>`
    ${withDecision(sql, 'stage_records')} where s.tenant_id = ${tenant} and s.run_id = ${runId} and s.stage = ${stage}
      and ${generation === undefined ? sql`true` : sql`s.generation = ${generation}`}
    order by s.generation desc limit 1`;
  return row;
}

/** A project's lifecycle may call other stages than the run that it reuses. */
async function requireSuccess(
  sql: Sql,
  { tenant, runId, stage }: BeginInput,
  importFrom: RunId,
): Promise<void> {
  const [found] = await sql`
    select from stage_records where tenant_id = ${tenant} and run_id = ${importFrom} and stage = ${stage} and status = 'succeeded'
    union all select from runs where tenant_id = ${tenant} and id = ${runId} and program is not null limit 1`;
  if (!found)
    throw failure('NotFound', `run ${importFrom} has no finished stage ${stage}`, {
      next: 'rerun from an earlier stage',
    });
}

function toStart(row: StageRow): StageStart {
  if (row.status !== 'succeeded') return { kind: 'run' };
  return {
    kind: 'reused',
    output: row.output,
    decision: toDecisionRef(row),
    fromRun: row.reusedFrom ?? row.runId,
  };
}

function toRecord(row: StageRow): StageRecord {
  const {
    runId,
    stage,
    generation,
    status,
    cacheKey,
    output,
    failure: failed,
    reusedFrom,
    startedAt,
    endedAt,
  } = row;
  const seconds = (Date.parse(endedAt ?? new Date().toISOString()) - Date.parse(startedAt)) / 1000;
  const times = { startedAt, endedAt, seconds: Math.max(0, seconds) };
  return {
    runId,
    stage,
    generation,
    status,
    cacheKey,
    output,
    decision: toDecisionRef(row),
    failure: failed,
    reusedFrom,
    ...times,
  };
}

function toDecisionRef({
  decisionId: id,
  policy,
  evidence,
  verdict,
}: StageRow): DecisionRef | null {
  return id === null || policy === null || evidence === null || verdict === null
    ? null
    : { id, policy, evidence, verdict };
}
