import type { PredictionId, RolloutId, Tenant } from '../../domain/ids';
import { failure } from '../../domain/failure';
import type { Columns } from '../columns';
import type { Database, Query, Transaction } from '../connection';
import { maxStatementSeconds } from '../connection';
import { toJson } from '../document';
import { daysAround, findDays } from './prediction-day';
import type { Statement } from '../sql';
import type { labelJoinCursors } from './feedback-schema';

export interface FeedbackRepository {
  /**
   * Stores a label, even before its prediction is stored. A label with a later `labelledAt`
   * replaces an earlier one; labels of answers are merged field by field. `contradicts`: the label
   * differs from an earlier one of the prediction, and was not stored before. Both values are kept.
   */
  record(input: {
    readonly tenant: Tenant;
    readonly predictionId: PredictionId;
    readonly label: unknown;
    readonly labelledAt: string;
  }): Promise<{ readonly joined: boolean; readonly contradicts: boolean }>;
  /**
   * Joins waiting labels with predictions that were stored at the same moment, when neither
   * statement saw the other's row. Each label is checked once at each of `joinAges`, at most
   * `limit` labels of each age in a pass. After the last check a label is given up, and only the
   * arrival of its prediction joins it.
   */
  joinWaiting(input: {
    readonly limit: number;
  }): Promise<{ readonly joined: number; readonly givenUp: number }>;
  givenUp(): Promise<number>;
}

export function createFeedbackRepository({ sql }: Database): FeedbackRepository {
  return {
    async record({ tenant, predictionId, label, labelledAt }) {
      const text = toJson(label);
      if (text === null) throw failure('InvalidInput', 'a label must have a value');
      const contradicts = contradictsStored(sql);
      const [row] = await sql<{ joined: boolean; contradicts: boolean }[]>`
        with found as (
          select day, model, version, rollout_id, coalesce(event_time, received_at) as event_time from predictions where tenant_id = ${tenant} and id = ${predictionId} and ${daysAround(sql, predictionId)} limit 1
        ), saved as (
          insert into feedback as f (tenant_id, prediction_id, label, labelled_at, day, model, version, rollout_id, event_time)
          select ${tenant}, ${predictionId}, ${text}::json, ${labelledAt}::timestamptz, day, model, version, rollout_id, event_time
          from (select) one left join found on true
          on conflict on constraint feedback_pk do update set
            label = case
              -- A judge's verdicts stay, whatever kind of label somebody gives.
              when f.label -> 'judged' is not null and json_typeof(excluded.label) <> 'object'
                then case when excluded.labelled_at > f.labelled_at then (f.label::jsonb || jsonb_build_object('label', excluded.label))::json else f.label end
              when json_typeof(f.label) <> 'object' or json_typeof(excluded.label) <> 'object'
                then case when excluded.labelled_at > f.labelled_at then excluded.label else f.label end
              when excluded.labelled_at > f.labelled_at then (f.label::jsonb || excluded.label::jsonb)::json
              else (excluded.label::jsonb || f.label::jsonb)::json end,
            contradicted_at = case when ${contradicts} then now() else f.contradicted_at end,
            received_values = case when ${contradicts} then ${withReceived(sql)} else f.received_values end,
            labelled_at = greatest(excluded.labelled_at, f.labelled_at),
            day = coalesce(f.day, excluded.day), model = coalesce(f.model, excluded.model), version = coalesce(f.version, excluded.version),
            rollout_id = coalesce(f.rollout_id, excluded.rollout_id), event_time = coalesce(f.event_time, excluded.event_time)
          returning day, contradicted_at
        )
        select day is not null as joined, contradicted_at is not distinct from now() as contradicts from saved`;
      return row ?? { joined: false, contradicts: false };
    },

    async joinWaiting({ limit }) {
      let [joined, givenUp] = [0, 0];
      await sql`insert into label_join_cursors (age_seconds) select unnest(${[...joinAges]}::int[]) on conflict do nothing`;
      for (const age of await agesWithWork(sql)) {
        const looked = await sql.begin((tx) => joinOfAge(tx, age, limit));
        joined += looked.joined;
        givenUp += looked.givenUp;
      }
      return { joined, givenUp };
    },

    async givenUp() {
      const [row] = await sql<
        { count: number | null }[]
      >`select sum(given_up)::bigint as count from label_join_cursors`;
      return row?.count ?? 0;
    },
  };
}

/** Further values of a prediction are counted and not kept. */
const maxValueBytes = 8192;

/**
 * Whether the label in `excluded` has another value than the stored one. True and 1 are the same
 * class, as are 7 and "7". Labels of answers contradict in a field that both have. A label that was
 * stored before, and comes again from the disk of a gateway, does not contradict again.
 */
function contradictsStored(sql: Query) {
  // Most labels that come again are equal, which is cheap to see.
  return sql`(f.label::text <> excluded.label::text and ${selectFields(sql, 'f')} || ${selectFields(sql, 'excluded')} <> ${selectFields(sql, 'excluded')} || ${selectFields(sql, 'f')}
    and (f.received_values is null or not f.received_values::jsonb @> jsonb_build_array(${receivedValue(sql, 'excluded')})))`;
}

function selectFields(sql: Query, of: 'f' | 'excluded') {
  const label = sql`${sql(of)}.label`;
  const value = sql`(case json_typeof(${label}) when 'boolean' then (${label}::text::boolean)::int::text else ${label}::text end)`;
  return sql`(case json_typeof(${label}) when 'object' then ${label}::jsonb
    else jsonb_build_object('label', ${value}::jsonb, 'references', jsonb_build_array(${value})) end)`;
}

function receivedValue(sql: Query, of: 'f' | 'excluded') {
  return sql`jsonb_build_object('label', ${sql(of)}.label, 'labelledAt', to_char(${sql(of)}.labelled_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))`;
}

function withReceived(sql: Query) {
  return sql`(case when octet_length(f.received_values::text) > ${maxValueBytes} then f.received_values
    else (coalesce(f.received_values::jsonb, jsonb_build_array(${receivedValue(sql, 'f')})) || ${receivedValue(sql, 'excluded')})::json end)`;
}

/**
 * Seconds since a label was received. The first check joins most; later ones join those whose
 * statements took longer. At the last check, every statement that could have missed the label has
 * ended.
 */
export const joinAges = [0, 2, 15, 2 * maxStatementSeconds + 30] as const;

/** Usually none, and then a pass writes nothing. */
async function agesWithWork(sql: Query): Promise<readonly number[]> {
  const rows = await sql<Columns<typeof labelJoinCursors, 'ageSeconds'>[]>`
    select age_seconds from label_join_cursors c where age_seconds = any(${[...joinAges]}::int[]) and exists (
      select from feedback where day is null and received_at > least(c.looked_until, now() - make_interval(secs => c.age_seconds))
        and received_at <= now() - make_interval(secs => c.age_seconds))
    order by age_seconds`;
  return rows.map(({ ageSeconds }) => ageSeconds);
}

/**
 * The cursor moves in the transaction of the check, under its row lock. A failed pass is repeated,
 * and concurrent passes skip an age that is locked.
 */
async function joinOfAge(
  tx: Transaction,
  age: number,
  limit: number,
): Promise<{ readonly joined: number; readonly givenUp: number }> {
  const none = { joined: 0, givenUp: 0 };
  // A clock that was set back must not hide labels behind the cursor.
  const [cursor] = await tx<{ after: string; until: string }[]>`
    select least(looked_until, now() - make_interval(secs => ${age}))::text as after, (now() - make_interval(secs => ${age}))::text as until
    from label_join_cursors where age_seconds = ${age} for update skip locked`;
  if (!cursor) return none;
  const waiting = await waitingLabels(tx, { ...cursor, limit });
  const joined = waiting.length === 0 ? 0 : await join(tx, waiting);
  const givenUp = age === joinAges.at(-1) ? waiting.length - joined : 0;
  const until = waiting.length < limit ? cursor.until : (waiting.at(-1)?.at ?? cursor.until);
  await tx`update label_join_cursors set looked_until = ${until}::timestamptz, given_up = given_up + ${givenUp} where age_seconds = ${age}`;
  return { joined, givenUp };
}

export interface WaitingLabel {
  readonly tenant: Tenant;
  readonly id: PredictionId;
  /** Time with microseconds. */
  readonly at: string;
}

/**
 * More than `limit` if several labels have the same microsecond, because the cursor has no other
 * key.
 */
export function waitingLabels(
  sql: Query,
  {
    after,
    until,
    limit,
  }: { readonly after: string; readonly until: string; readonly limit: number },
): Statement<WaitingLabel[]> {
  return sql<WaitingLabel[]>`
    select tenant_id as tenant, prediction_id as id, received_at::text as at from feedback
    where day is null and received_at > ${after}::timestamptz and received_at <= ${until}::timestamptz
    order by received_at fetch first (${limit}::bigint) rows with ties`;
}

async function join(tx: Transaction, waiting: readonly WaitingLabel[]): Promise<number> {
  const found = await findPredictions(tx, waiting);
  if (found.length === 0) return 0;
  const joined = await tx`
    update feedback f set day = w.day, model = w.model, version = w.version, rollout_id = w.rollout_id, event_time = w.event_time
    from unnest(${found.map((each) => each.tenant)}::text[], ${found.map((each) => each.id)}::text[], ${found.map((each) => each.day)}::date[],
      ${found.map((each) => each.model)}::text[], ${found.map((each) => each.version)}::int[], ${found.map((each) => each.rolloutId)}::text[],
      ${found.map((each) => each.eventTime)}::timestamptz[]) as w (tenant, id, day, model, version, rollout_id, event_time)
    where f.tenant_id = w.tenant and f.prediction_id = w.id and f.day is null`;
  return joined.count;
}

interface FoundPrediction {
  readonly tenant: Tenant;
  readonly id: PredictionId;
  readonly day: string;
  readonly model: string;
  readonly version: number;
  readonly rolloutId: RolloutId | null;
  readonly eventTime: string;
}

/**
 * Looks up each id by full keys, one for each possible day, so that no partition is scanned. Ids
 * without a time are skipped: the gateway accepts their labels only once the prediction is stored.
 */
export function findPredictions(
  sql: Query,
  labels: readonly Pick<WaitingLabel, 'tenant' | 'id'>[],
): Statement<FoundPrediction[]> {
  const keys = labels.flatMap(({ tenant, id }) =>
    (findDays(id)?.each ?? []).map((day) => ({ tenant, id, day })),
  );
  return sql<FoundPrediction[]>`
    select w.tenant, w.id, p.day, p.model, p.version, p.rollout_id, coalesce(p.event_time, p.received_at)::text as event_time
    from unnest(${keys.map(({ tenant }) => tenant)}::text[], ${keys.map(({ id }) => id)}::text[], ${keys.map(({ day }) => day)}::date[]) as w (tenant, id, day)
    cross join lateral (select * from predictions where day = w.day and id = w.id and tenant_id = w.tenant limit 1) p`;
}
