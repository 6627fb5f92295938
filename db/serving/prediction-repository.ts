import type { PredictionId, Tenant } from '../../domain/ids';
import { failure } from '../../domain/failure';
import { loggedAnswer, worstScreeningOutcome } from '../../domain/bundle/logged-answer';
import type { Task } from '../../domain/model/model';
import type { Columns } from '../columns';
import type { Database, Sql } from '../connection';
import { toJson } from '../document';
import type { Page, PageRequest } from '../page';
import { daysAround, findDays } from './prediction-day';
import type { ListedPrediction, PredictionFilter, StoredPrediction } from './prediction-list';
import { listPredictions, toRecord } from './prediction-list';
import { keptTexts, type KeptTexts } from './prediction-texts';
import { advisoryLocks } from '../advisory-locks';
import { selectSpan } from './traffic-span';
import type { predictions } from './prediction-schema';
import type { PredictionRecord, PredictionRow } from './prediction-records';

export interface PredictionTask {
  readonly model: string;
  readonly version: number;
  /** Null if the version is no longer registered. */
  readonly task: Task | 'chat' | null;
  /** Classes of a multiclass model; otherwise null. */
  readonly classes: readonly string[] | null;
}

export interface PredictionRepository {
  /**
   * One statement for each batch. Existing rows are skipped, and waiting feedback is joined.
   * Returns the number of new rows.
   */
  insert(rows: readonly PredictionRow[]): Promise<number>;
  /**
   * Creates the partitions of yesterday, today and the next `days` days. Rows of these days move
   * there from the default partition. Returns the new names.
   */
  ensurePartitions(input: { readonly days: number }): Promise<readonly string[]>;
  /** Drops every partition wholly before this day (`YYYY-MM-DD`, UTC) and returns their names. */
  dropBefore(day: string): Promise<readonly string[]>;
  /** The task of each prediction's model; unknown ids are left out. */
  findTasks(input: {
    readonly tenant: Tenant;
    readonly ids: readonly PredictionId[];
  }): Promise<ReadonlyMap<PredictionId, PredictionTask>>;
  get(input: {
    readonly tenant: Tenant;
    readonly id: PredictionId;
  }): Promise<PredictionRecord | null>;
  /** Newest first. */
  list(
    input: { readonly tenant: Tenant } & PredictionFilter & PageRequest,
  ): Promise<Page<ListedPrediction>>;
  /**
   * The texts that a policy kept because they did not pass. If there are any, an audit row records
   * the reader. Null if there is no such prediction.
   */
  readTexts(input: {
    readonly tenant: Tenant;
    readonly id: PredictionId;
    readonly actor: string;
  }): Promise<KeptTexts | null>;
}

export function createPredictionRepository({ sql }: Pick<Database, 'sql'>): PredictionRepository {
  return {
    async insert(rows) {
      if (rows.length === 0) return 0;
      const [added] = await sql<{ rows: number }[]>`
        with added as (
          insert into predictions (tenant_id, day, id, received_at, model, version, arm, entity, event_time, input, output, latency_ms,
            rollout_id, rollout_step, rollout_unit, other, verdict, blocked)
          select p.tenant_id, (p.received_at at time zone 'UTC')::date, p.id, p.received_at, p.model, p.version, p.arm, p.entity, p.event_time,
            p.input, p.output, p.latency_ms, p.rollout_id, p.rollout_step, p.rollout_unit, p.other, p.verdict, p.blocked
          from ${toColumns(sql, rows)} as p (tenant_id, id, received_at, model, version, arm, entity, event_time, latency_ms,
            rollout_id, rollout_step, rollout_unit, other, verdict, blocked, input, output)
          on conflict do nothing
          returning tenant_id, day, id, model, version, latency_ms, rollout_id, rollout_step, output, other, coalesce(event_time, received_at) as event_time,
            coalesce(rollout_unit, hashtextextended(coalesce(entity, id), 0)) as unit
        ), joined as (
          update feedback f set day = a.day, model = a.model, version = a.version, rollout_id = a.rollout_id, event_time = a.event_time from added a
          where f.tenant_id = a.tenant_id and f.prediction_id = a.id and f.day is null
        ), new_units as (${newUnits(sql)}), counted as (${countTraffic(sql)}), ${countArms(sql)}
        select count(*) as rows from added`;
      return added?.rows ?? 0;
    },

    async ensurePartitions({ days }) {
      const wanted = Array.from({ length: days + 2 }, (_, place) => dayAfter(place - 1));
      const made: string[] = [];
      for (const day of wanted) if (await makePartition(sql, day)) made.push(formatPartition(day));
      return made;
    },

    async dropBefore(day) {
      const dropped: string[] = [];
      for (const name of await partitionNames(sql)) {
        if (name >= formatPartition(day)) continue;
        await sql.begin(async (tx) => {
          await tx`set local lock_timeout = '2s'`;
          await tx`select perennial_drop_prediction_day(${parsePartition(name)})`;
        });
        dropped.push(name);
      }
      await sql`delete from predictions_default where day < ${day}`;
      return dropped;
    },

    async get({ tenant, id }) {
      const [row] = await sql<StoredPrediction<PredictionRecord>[]>`
        select p.tenant_id as tenant, p.id, p.received_at, p.model, p.version, p.arm, p.entity, p.event_time, p.input, p.output, p.latency_ms,
          p.rollout_id, p.rollout_step, p.other, f.label, f.labelled_at, f.received_values
        from predictions p left join feedback f on f.tenant_id = p.tenant_id and f.prediction_id = p.id
        where p.tenant_id = ${tenant} and p.id = ${id} and ${daysAround(sql, id, 'p')} limit 1`;
      return row ? toRecord<PredictionRecord>(row) : null;
    },

    async findTasks({ tenant, ids }) {
      const days = ids.map((id) => findDays(id) ?? { first: '-infinity', last: 'infinity' });
      const rows = await sql<(Columns<typeof predictions, 'id'> & PredictionTask)[]>`
        select p.id, p.model, p.version, v.signature ->> 'task' as task, v.signature -> 'classes' as classes
        from unnest(${[...ids]}::text[], ${days.map(({ first }) => first)}::date[], ${days.map(({ last }) => last)}::date[]) as w (id, first, last)
        join predictions p on p.tenant_id = ${tenant} and p.id = w.id and p.day between w.first and w.last
        left join model_versions v on v.tenant_id = p.tenant_id and v.model = p.model and v.version = p.version`;
      return new Map(rows.map(({ id, ...rest }) => [id, rest]));
    },

    list: (input) => listPredictions(sql, input),

    readTexts: (input) => keptTexts(sql, input),
  };
}

/**
 * The entities that a rollout by arms divides, each with its first request in a step. Rows are
 * sorted by key, because two batches could deadlock otherwise.
 */
function newUnits(sql: Sql) {
  return sql`
    insert into rollout_entities (tenant_id, rollout_id, entity, step)
    select distinct a.tenant_id, a.rollout_id, a.unit, a.rollout_step from added a join rollouts r on r.tenant_id = a.tenant_id and r.id = a.rollout_id
    where not r.paired and (r.spec -> 'steps' ->> a.rollout_step)::float8 > 0 order by 1, 2, 3, 4
    on conflict do nothing returning tenant_id, rollout_id, entity as unit, step as rollout_step`;
}

/**
 * Counts only new rows, so that a repeated row counts once. Rows are sorted by key, because two
 * batches could deadlock otherwise. An answer that broke off counts as a failure of its version.
 * `said` is the challenger's answer where it counts: beside the served one in a shadow step, else
 * its own.
 */
function countTraffic(sql: Sql) {
  return sql`
    insert into rollout_traffic as t (tenant_id, rollout_id, step, span_start, newest, champion_assigned, challenger_assigned, champion_slow, challenger_slow,
      champion_asked, challenger_asked, champion_errors, challenger_errors, challenger_fallbacks,
      champion_broken, champion_streamed, champion_late, challenger_streamed, challenger_late, challenger_costly, challenger_blocked, challenger_malformed,
      champion_entities, challenger_entities)
    select tenant_id, rollout_id, rollout_step, ${selectSpan(sql, sql`event_time`, sql`traffic_span_seconds`)}, max(event_time),
      count(*) filter (where not is_challengers), count(*) filter (where is_challengers),
      count(*) filter (where not is_challengers and is_slow), count(*) filter (where is_challengers and (is_slow or has_broken or role = 'fallback')),
      count(*) filter (where not is_challengers or role = 'shadow'), count(*) filter (where is_challengers or role = 'shadow'),
      count(*) filter (where case when is_challengers then has_failed and role = 'shadow' else has_broken end),
      count(*) filter (where case when role = 'fallback' or not is_challengers then has_failed else has_broken end),
      count(*) filter (where role = 'fallback' or (is_challengers and has_broken)),
      count(*) filter (where not is_challengers and has_broken),
      count(*) filter (where not is_challengers and is_streamed), count(*) filter (where not is_challengers and is_streamed and is_late),
      count(*) filter (where is_challengers and is_streamed), count(*) filter (where is_challengers and is_streamed and is_late),
      count(*) filter (where tokens > most_tokens), count(*) filter (where said ->> 'blocked' is not null or said ->> 'finish' = 'filtered'),
      count(*) filter (where (said ->> 'malformed')::boolean),
      count(*) filter (where not is_challengers and is_new), count(*) filter (where is_challengers and is_new)
    from (
      select s.*, output ->> 'firstTokenMs' is not null as is_streamed,
        role = 'fallback' or coalesce((output ->> 'firstTokenMs')::float8 > slow_first_token_ms, false) as is_late,
        (said #>> '{usage,promptTokens}')::float8 + (said #>> '{usage,completionTokens}')::float8 as tokens
      from (
        select a.*, a.other ->> 'role' as role, a.other ->> 'error' is not null as has_failed, a.output ->> 'error' is not null as has_broken,
          coalesce(a.latency_ms > r.slow_ms, false) as is_slow, r.slow_first_token_ms, r.most_tokens, r.traffic_span_seconds,
          a.version <> r.champion or coalesce(a.other ->> 'role' = 'fallback', false) as is_challengers,
          case when a.version = r.challenger then a.output
            when a.other ->> 'role' = 'shadow' and (r.spec -> 'steps' ->> a.rollout_step)::float8 = 0 then a.other -> 'output' end as said,
          n.unit is not null and row_number() over (partition by a.tenant_id, a.rollout_id, a.rollout_step, a.unit order by a.id) = 1 as is_new
        from added a join rollouts r on r.tenant_id = a.tenant_id and r.id = a.rollout_id
          left join new_units n on n.tenant_id = a.tenant_id and n.rollout_id = a.rollout_id and n.rollout_step = a.rollout_step and n.unit = a.unit
      ) s
    ) served
    group by 1, 2, 3, 4 order by 1, 2, 3, 4
    on conflict on constraint rollout_traffic_pk do update set newest = greatest(t.newest, excluded.newest), stored_at = now(),
      champion_assigned = t.champion_assigned + excluded.champion_assigned, challenger_assigned = t.challenger_assigned + excluded.challenger_assigned,
      champion_slow = t.champion_slow + excluded.champion_slow, challenger_slow = t.challenger_slow + excluded.challenger_slow,
      champion_asked = t.champion_asked + excluded.champion_asked, challenger_asked = t.challenger_asked + excluded.challenger_asked,
      champion_errors = t.champion_errors + excluded.champion_errors, challenger_errors = t.challenger_errors + excluded.challenger_errors,
      challenger_fallbacks = t.challenger_fallbacks + excluded.challenger_fallbacks,
      champion_broken = t.champion_broken + excluded.champion_broken,
      champion_streamed = t.champion_streamed + excluded.champion_streamed, champion_late = t.champion_late + excluded.champion_late,
      challenger_streamed = t.challenger_streamed + excluded.challenger_streamed, challenger_late = t.challenger_late + excluded.challenger_late,
      challenger_costly = t.challenger_costly + excluded.challenger_costly, challenger_blocked = t.challenger_blocked + excluded.challenger_blocked,
      challenger_malformed = t.challenger_malformed + excluded.challenger_malformed,
      champion_entities = t.champion_entities + excluded.champion_entities, challenger_entities = t.challenger_entities + excluded.challenger_entities`;
}

/**
 * Counts the requests of A/B rollouts by the version to which their entity is assigned, and each
 * entity with its first request. All writes are in the order of their keys, because two batches
 * could deadlock otherwise.
 */
function countArms(sql: Sql) {
  return sql`
    assigned as materialized (
      select a.tenant_id, a.rollout_id, a.rollout_step, a.event_time, a.unit,
        coalesce(case when a.other ->> 'role' in ('fallback', 'stopped') then (a.other ->> 'version')::int end, a.version) as version,
        a.other ->> 'role' = 'fallback' as has_failed, a.latency_ms > r.slow_ms as is_slow, r.traffic_span_seconds
      from added a join rollouts r on r.tenant_id = a.tenant_id and r.id = a.rollout_id
      where exists (select from rollout_arms m where m.tenant_id = r.tenant_id and m.rollout_id = r.id)
    ), arms_counted as (
      insert into rollout_arm_traffic as t (tenant_id, rollout_id, version, span_start, assigned, failed, slow)
      select tenant_id, rollout_id, version, ${selectSpan(sql, sql`event_time`, sql`traffic_span_seconds`)}, count(*), count(*) filter (where has_failed),
        count(*) filter (where has_failed or is_slow)
      from assigned group by 1, 2, 3, 4 order by 1, 2, 3, 4
      on conflict on constraint rollout_arm_traffic_pk do update set assigned = t.assigned + excluded.assigned, failed = t.failed + excluded.failed,
        slow = t.slow + excluded.slow
    ), entities_of_arms as (
      select tenant_id, rollout_id, version, count(*) as n
      from (select distinct tenant_id, rollout_id, unit, version from new_units natural join assigned) e group by 1, 2, 3
    ), locked_arms as materialized (
      select m.tenant_id, m.rollout_id, m.version, e.n from rollout_arms m join entities_of_arms e using (tenant_id, rollout_id, version)
      order by 1, 2, 3 for no key update of m
    ), entities_counted as (
      update rollout_arms m set entities = m.entities + e.n from locked_arms e
      where m.tenant_id = e.tenant_id and m.rollout_id = e.rollout_id and m.version = e.version
    )`;
}

/**
 * One array for each column, so that the statement is the same for any number of rows and stays
 * prepared. Inputs and outputs are one JSON array each, because the quotes of each element of a
 * PostgreSQL array would have to be escaped.
 */
function toColumns(sql: Sql, rows: readonly PredictionRow[]) {
  const text = (column: (row: PredictionRow) => string | null) =>
    rows.map((row) => {
      const value = column(row);
      return value?.includes('\0') === true ? value.replaceAll('\0', '\uFFFD') : value;
    });
  const texts = (column: (row: PredictionRow) => unknown) =>
    `[${text((row) => json(column(row))).join(',')}]`;
  return sql`rows from (unnest(
    ${text((row) => row.tenant)}::text[], ${text((row) => row.id)}::text[], ${text((row) => row.receivedAt)}::timestamptz[],
    ${text((row) => row.model)}::text[], ${rows.map((row) => row.version)}::int[], ${text((row) => row.arm)}::text[],
    ${text((row) => row.entity)}::text[], ${text((row) => row.eventTime)}::timestamptz[], ${rows.map((row) => row.latencyMs)}::real[],
    ${text((row) => row.rollout?.id ?? null)}::text[], ${rows.map((row) => row.rollout?.step ?? null)}::int[], ${text((row) => row.rollout?.unit ?? null)}::bigint[],
    ${text((row) => toJson(row.other))}::json[], ${text((row) => worstScreeningOutcome(loggedAnswer(row.output)?.safety ?? null))}::text[],
    ${text((row) => loggedAnswer(row.output)?.blocked ?? null)}::text[]),
    json_array_elements(${texts((row) => row.input)}::json), json_array_elements(${texts((row) => row.output)}::json))`;
}

function json(value: unknown): string {
  return toJson(value) ?? 'null';
}

/** Waits at most 2 s for the locks of the functions, because inserts wait behind it. */
async function makePartition(sql: Sql, day: string): Promise<boolean> {
  const name = formatPartition(day);
  if (await isThere(sql, name)) return false;
  return sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${advisoryLocks.predictionPartitions})`;
    await tx`set local lock_timeout = '2s'`;
    const [made] = await tx<{ isNew: boolean }[]>`
      select perennial_make_prediction_day(${day}) as is_new`;
    return made?.isNew === true;
  });
}

/** Reads the catalog, because `to_regclass` may use a cache without a concurrent commit. */
async function isThere(sql: Sql, name: string): Promise<boolean> {
  const [found] =
    await sql`select from pg_class where relname = ${name} and relnamespace = 'public'::regnamespace`;
  return found !== undefined;
}

async function partitionNames(sql: Sql): Promise<readonly string[]> {
  const rows = await sql<{ name: string }[]>`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'predictions'::regclass and c.relname ~ '^predictions_[0-9]{8}$' order by 1`;
  return rows.map((row) => row.name);
}

function formatPartition(day: string): string {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day))
    throw failure('InvalidInput', `a day is written YYYY-MM-DD, not ${day}`);
  return `predictions_${day.replaceAll('-', '')}`;
}

function parsePartition(name: string): string {
  return name.replace(/^predictions_(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');
}

function dayAfter(days: number, day = new Date().toISOString().slice(0, 10)): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}
