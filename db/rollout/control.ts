import type {
  ControlCount,
  ControlledGuardrail,
} from '../../domain/rollout/judging/guardrail-control';
import type { ControlCounts } from '../../domain/rollout/state';
import type { Query } from '../connection';
import type { Value } from '../sql';
import type { RolloutRow } from './state';

type Rollout = Pick<RolloutRow, 'tenantId' | 'id' | 'step' | 'champion' | 'challenger' | 'spec'>;

/**
 * Requests that are compared as one: in a canary their shares are constant, and in a bandit they
 * change once a day. Fewer would leave too many without a request of each version.
 */
const compared = 400;

const noRequests: ControlCount = { n: 0, events: 0, expected: 0 };

/** What guardrails compare the challenger of the current step with. */
export async function readControl(sql: Query, rollout: Rollout): Promise<ControlCounts> {
  const { tenantId: tenant, id, step, champion, challenger, spec } = rollout;
  const serves = (spec.steps[step] ?? 0) > 0;
  const counts = await readControls(
    sql,
    champion,
    sql`
      select m.* from rollout_traffic t cross join lateral (values
        (${champion}::int, span_start, 'errors', champion_assigned, champion_broken),
        (${champion}::int, span_start, 'latency_ms', champion_assigned, champion_slow),
        (${champion}::int, span_start, 'first_token_ms', champion_streamed, champion_late),
        (${challenger}::int, span_start, 'errors', case when ${serves} then challenger_assigned else challenger_asked end,
          case when ${serves} then challenger_fallbacks else challenger_errors end),
        (${challenger}::int, span_start, 'latency_ms', challenger_assigned, challenger_slow),
        (${challenger}::int, span_start, 'first_token_ms', challenger_streamed, challenger_late)
      ) m (version, at, guardrail, n, events)
      where t.tenant_id = ${tenant} and t.rollout_id = ${id} and t.step = ${step}
      union all select version, minute, guardrail, failed, failed
        from rollout_failures cross join unnest(array['errors', 'latency_ms', 'first_token_ms']) as g (guardrail)
        where tenant_id = ${tenant} and rollout_id = ${id} and step = ${step}`,
  );
  return counts(challenger);
}

/** The same for the challengers of an A/B rollout, by version. */
export function readArmControls(
  sql: Query,
  { tenantId: tenant, id, champion }: Pick<Rollout, 'tenantId' | 'id' | 'champion'>,
): Promise<(version: number) => ControlCounts> {
  return readControls(
    sql,
    champion,
    sql`
      select m.* from rollout_arm_traffic t cross join lateral (values
        (version, span_start, 'errors', assigned, failed), (version, span_start, 'latency_ms', assigned, slow)
      ) m (version, at, guardrail, n, events)
      where t.tenant_id = ${tenant} and t.rollout_id = ${id}
      union all select version, minute, guardrail, failed, failed
        from rollout_failures cross join unnest(array['errors', 'latency_ms']) as g (guardrail)
        where tenant_id = ${tenant} and rollout_id = ${id}`,
  );
}

interface ControlRow extends ControlCount {
  readonly version: number;
  readonly guardrail: ControlledGuardrail;
}

/** `requests` has numbers by version, time and guardrail. */
async function readControls(
  sql: Query,
  champion: number,
  requests: Value,
): Promise<(version: number) => ControlCounts> {
  const rows = await sql<ControlRow[]>`
    with requests (version, at, guardrail, n, events) as (${requests}), stretches as (
      select *, floor(sum(n) filter (where guardrail = 'errors') over (order by at) / ${compared}) as stretch from requests
    ), sums as (
      select version, guardrail, stretch, sum(n) as n, sum(events) as events from stretches group by 1, 2, 3
    ), wanted as (
      select version, guardrail, stretch from (select distinct version from sums where version <> ${champion}) v
      cross join (select distinct guardrail, stretch from sums) s
    )
    select w.version, w.guardrail, coalesce(sum(c.n), 0)::float8 as n, coalesce(sum(c.events), 0)::float8 as events,
      coalesce(sum((coalesce(c.events, 0) + coalesce(o.events, 0)) * coalesce(o.n, 0) / nullif(coalesce(c.n, 0) + coalesce(o.n, 0), 0)), 0)::float8 as expected
    from wanted w
      left join sums c on c.version = ${champion} and c.guardrail = w.guardrail and c.stretch = w.stretch
      left join sums o on o.version = w.version and o.guardrail = w.guardrail and o.stretch = w.stretch
    group by 1, 2`;
  return (version) => {
    const of = (name: ControlledGuardrail): ControlCount => {
      const found = rows.find((row) => row.version === version && row.guardrail === name);
      return found ? { n: found.n, events: found.events, expected: found.expected } : noRequests;
    };
    return {
      errors: of('errors'),
      latency_ms: of('latency_ms'),
      first_token_ms: of('first_token_ms'),
    };
  };
}

/** Rows that no version answered, by step and assigned version. */
export async function readFailed(
  sql: Query,
  { tenantId: tenant, id }: Pick<Rollout, 'tenantId' | 'id'>,
): Promise<readonly FailedRows[]> {
  return sql<FailedRows[]>`
    select step, version, sum(failed)::float8 as failed from rollout_failures
    where tenant_id = ${tenant} and rollout_id = ${id} group by 1, 2`;
}

interface FailedRows {
  readonly step: number;
  readonly version: number;
  readonly failed: number;
}
