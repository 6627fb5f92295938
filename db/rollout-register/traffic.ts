import type { Query } from '../connection';
import type { ArmCounts, RolloutCounts, RolloutTraffic } from '../repositories/rollouts';
import type { RolloutRow } from './state';

/** So many requests must have come as far before event time has: one with a wrong clock would end a rollout of weeks. */
const agreeing = 3;

type Clocked = Pick<RolloutRow, 'tenantId' | 'id' | 'step' | 'availableAfterSeconds' | 'eventNow'>;

/**
 * Event time is that of the newest requests. Live traffic lies about the wall clock, before it or, as with flights that are asked about ahead, behind it: then it
 * is the wall clock's, which goes on when nothing comes. It never goes back. Null before there was traffic.
 */
export async function readTraffic(
  sql: Query,
  { tenantId: tenant, id, step, availableAfterSeconds, eventNow: known }: Clocked,
): Promise<RolloutTraffic> {
  const [clock] = await sql<{ eventNow: string | null; ripeUntil: string | null }[]>`
    with arrived as (
      select newest, sum(champion_assigned + challenger_assigned) over (order by hour desc, step desc) as requests
      from rollout_traffic where tenant_id = ${tenant} and rollout_id = ${id}
    ), newest as (
      select max(newest) as at from arrived where requests >= ${agreeing}
    ), clock as (
      select greatest(${known}::timestamptz, case when at > clock_timestamp() - interval '1 hour' then clock_timestamp() else at end) as event_now from newest
    )
    select event_now, event_now - make_interval(secs => ${availableAfterSeconds}) as ripe_until from clock`;
  const { eventNow = null, ripeUntil = null } = clock ?? {};
  const rows = await sql<CountRow[]>`
    with hours as (
      select *, coalesce(hour + interval '1 hour' <= ${ripeUntil}::timestamptz, false) as is_ripe
      from rollout_traffic where tenant_id = ${tenant} and rollout_id = ${id}
    )
    select step = ${step} as is_current,
      sum(champion_assigned)::bigint as champion_assigned, sum(challenger_assigned)::bigint as challenger_assigned,
      sum(champion_slow)::bigint as champion_slow, sum(challenger_slow)::bigint as challenger_slow,
      sum(champion_asked)::bigint as champion_requests, sum(challenger_asked)::bigint as challenger_requests,
      sum(champion_errors)::bigint as champion_errors, sum(challenger_errors)::bigint as challenger_errors,
      coalesce(sum(champion_assigned) filter (where is_ripe), 0)::bigint as champion_ripe,
      coalesce(sum(challenger_assigned) filter (where is_ripe), 0)::bigint as challenger_ripe,
      coalesce(sum(champion_labelled) filter (where is_ripe), 0)::bigint as champion_labelled,
      coalesce(sum(challenger_labelled) filter (where is_ripe), 0)::bigint as challenger_labelled
    from hours group by 1`;
  return {
    eventNow,
    ripeUntil,
    step: countsOf(rows.filter(({ isCurrent }) => isCurrent)),
    total: countsOf(rows),
  };
}

type CountRow = { readonly isCurrent: boolean } & {
  readonly [name in `${'champion' | 'challenger'}${Capitalize<keyof ArmCounts>}`]: number;
};

function countsOf(rows: readonly CountRow[]): RolloutCounts {
  const sum = (name: Exclude<keyof CountRow, 'isCurrent'>) => rows.reduce((total, row) => total + row[name], 0);
  return {
    champion: {
      assigned: sum('championAssigned'),
      slow: sum('championSlow'),
      requests: sum('championRequests'),
      errors: sum('championErrors'),
      ripe: sum('championRipe'),
      labelled: sum('championLabelled'),
    },
    challenger: {
      assigned: sum('challengerAssigned'),
      slow: sum('challengerSlow'),
      requests: sum('challengerRequests'),
      errors: sum('challengerErrors'),
      ripe: sum('challengerRipe'),
      labelled: sum('challengerLabelled'),
    },
  };
}
