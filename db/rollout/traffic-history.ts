import type { RolloutId, Tenant } from '../../domain/ids';
import type { Query } from '../connection';

/** Requests of a rollout in a part of its event time, by assigned arm. */
export interface TrafficPoint {
  /** RFC 3339: the begin of the part. */
  readonly from: string;
  /** The last step of the part. */
  readonly step: number;
  readonly champion: number;
  readonly challenger: number;
  /** Failed requests of the arm, whether it was assigned or asked beside. */
  readonly championErrors: number;
  readonly challengerErrors: number;
}

/** Oldest first, in at most `points` parts of equal length. Parts without requests are left out. */
export async function readTrafficHistory(
  sql: Query,
  {
    tenant,
    id,
    points,
  }: { readonly tenant: Tenant; readonly id: RolloutId; readonly points: number },
): Promise<readonly TrafficPoint[]> {
  return sql<TrafficPoint[]>`
    with spans as (
      select *, extract(epoch from span_start)::float8 as at from rollout_traffic where tenant_id = ${tenant} and rollout_id = ${id}
    ), whole as (select min(at) as first, greatest((max(at) - min(at)) / ${points}::int, 1) as width from spans)
    select min(span_start) as "from", max(step)::int as step,
      sum(champion_assigned)::bigint as champion, sum(challenger_assigned)::bigint as challenger,
      sum(champion_errors)::bigint as champion_errors, sum(challenger_errors)::bigint as challenger_errors
    from spans, whole group by least(floor((at - first) / width), ${points - 1}::int) order by 1`;
}
