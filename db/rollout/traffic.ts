import type { EventClock } from '../../domain/rollout/event-clock';
import { stoppedClock } from '../../domain/rollout/event-clock';
import type { AnswerCounts, ArmCounts, CountsByArm } from '../../domain/rollout/state';
import type { CanarySpec } from '../../domain/rollout/canary';
import type { Query } from '../connection';
import { readArms } from './arms';
import { readControl, readFailed } from './control';
import type { RolloutTraffic } from './records';
import type { RolloutRow } from './state';

/**
 * Event time advances once this many requests have reached it. Otherwise one wrong clock could end
 * a rollout of weeks.
 */
const agreeing = 3;

/** The clock is as last stored; the counts are current. */
export async function readTraffic(sql: Query, row: RolloutRow): Promise<RolloutTraffic> {
  const { eventNow } = await readClock(sql, row);
  const ripeUntil = dueUntil(row.state.clock ?? stoppedClock, row.availableAfterSeconds);
  const counts = await readCounts(sql, row, ripeUntil);
  const ab = await readArms(sql, row, ripeUntil);
  return { eventNow, ripeUntil, ...counts, ...(ab !== null && { ab }) };
}

/** Traffic with event times newer than this age is live. */
const live = '1 hour';

/**
 * Event time is that of the newest requests. Live traffic uses the wall clock, even if its requests
 * are ahead of it, as for future flights. The wall clock also advances without requests, if this is
 * called at least once an hour. Event time never goes back, and is null before there was traffic.
 */
export async function readClock(
  sql: Query,
  {
    tenantId: tenant,
    id,
    eventNow: known,
    startedAt,
  }: Pick<RolloutRow, 'tenantId' | 'id' | 'eventNow' | 'startedAt'>,
): Promise<{
  readonly eventNow: string | null;
  readonly wallMs: number;
  readonly idleSeconds: number;
}> {
  const [clock] = await sql<{ eventNow: string | null; wallMs: number; idleSeconds: number }[]>`
    with arrived as (
      select newest, stored_at, sum(champion_assigned + challenger_assigned) over (order by span_start desc, step desc) as requests
      from rollout_traffic where tenant_id = ${tenant} and rollout_id = ${id}
    ), seen as (
      select greatest(${known}::timestamptz, max(newest) filter (where requests >= ${agreeing})) as at,
        coalesce(max(stored_at), ${startedAt}::timestamptz) as stored_at from arrived
    )
    select case when at > clock_timestamp() - ${live}::interval then greatest(${known}::timestamptz, clock_timestamp()) else at end as event_now,
      (extract(epoch from clock_timestamp()) * 1000)::float8 as wall_ms,
      extract(epoch from clock_timestamp() - stored_at)::float8 as idle_seconds from seen`;
  if (!clock) throw new Error('the database returned no clock of the rollout');
  return clock;
}

/** Labels of requests up to here are due and had time to arrive. */
export function dueUntil({ settled }: EventClock, availableAfterSeconds: number): string | null {
  return settled === null
    ? null
    : new Date(Date.parse(settled) - availableAfterSeconds * 1000).toISOString();
}

export async function readCounts(
  sql: Query,
  {
    tenantId: tenant,
    id,
    step,
    spec,
    trafficSpanSeconds,
    champion,
    challenger,
  }: Pick<
    RolloutRow,
    'tenantId' | 'id' | 'step' | 'spec' | 'trafficSpanSeconds' | 'champion' | 'challenger'
  >,
  ripeUntil: string | null,
): Promise<Pick<RolloutTraffic, 'step' | 'phase' | 'total' | 'answers' | 'control'>> {
  const rows = await sql<CountRow[]>`
    with spans as (
      select *, coalesce(span_start + make_interval(secs => ${trafficSpanSeconds}) <= ${ripeUntil}::timestamptz, false) as is_ripe
      from rollout_traffic where tenant_id = ${tenant} and rollout_id = ${id}
    )
    select step, step = ${step} as is_current,
      sum(champion_assigned)::bigint as champion_assigned, sum(challenger_assigned)::bigint as challenger_assigned,
      0::bigint as champion_fallbacks, sum(challenger_fallbacks)::bigint as challenger_fallbacks,
      sum(champion_slow)::bigint as champion_slow, sum(challenger_slow)::bigint as challenger_slow,
      sum(champion_asked)::bigint as champion_requests, sum(challenger_asked)::bigint as challenger_requests,
      sum(champion_errors)::bigint as champion_errors, sum(challenger_errors)::bigint as challenger_errors,
      coalesce(sum(champion_assigned) filter (where is_ripe), 0)::bigint as champion_ripe,
      coalesce(sum(challenger_assigned) filter (where is_ripe), 0)::bigint as challenger_ripe,
      coalesce(sum(champion_labelled) filter (where is_ripe), 0)::bigint as champion_labelled,
      coalesce(sum(challenger_labelled) filter (where is_ripe), 0)::bigint as challenger_labelled,
      sum(challenger_streamed)::bigint as streamed, sum(challenger_late)::bigint as late, sum(challenger_costly)::bigint as costly,
      sum(challenger_blocked)::bigint as blocked, sum(challenger_malformed)::bigint as malformed,
      sum(champion_entities)::bigint as champion_entities, sum(challenger_entities)::bigint as challenger_entities
    from spans group by 1`;
  const isServing = (index: number) => (spec.steps[index] ?? 0) > 0;
  const rollout = { tenantId: tenant, id, step, champion, challenger, spec };
  const failed = (await readFailed(sql, rollout)).map(({ step: of, version, failed: n }) => ({
    step: of,
    champion: version === champion ? n : 0,
    challenger: version === champion ? 0 : n,
  }));
  const counts = (isCounted: (step: number) => boolean) =>
    groupCounts(
      rows.filter((row) => isCounted(row.step)),
      failed.filter((row) => isCounted(row.step)),
    );
  return {
    step: counts((each) => each === step),
    phase: counts((each) => isServing(each) === isServing(step)),
    total: counts(() => true),
    answers: toAnswerCounts(rows.find(({ isCurrent }) => isCurrent)),
    ...(spec.method !== 'ab' && { control: await readControl(sql, rollout) }),
  };
}

type CountRow = { readonly step: number; readonly isCurrent: boolean } & AnswerCounts & {
    readonly [name in `${'champion' | 'challenger'}${Capitalize<keyof ArmCounts>}`]: number;
  };

function toAnswerCounts(row: AnswerCounts | undefined): AnswerCounts {
  const { streamed = 0, late = 0, costly = 0, blocked = 0, malformed = 0 } = row ?? {};
  return { streamed, late, costly, blocked, malformed };
}

interface FailedByArm {
  readonly champion: number;
  readonly challenger: number;
}

/** `failed`: requests that no version answered, by assigned arm. They have no label. */
function groupCounts(rows: readonly CountRow[], failed: readonly FailedByArm[]): CountsByArm {
  const countLost = (arm: keyof FailedByArm) =>
    failed.reduce((total, each) => total + each[arm], 0);
  const [ofChampion, ofChallenger] = [countLost('champion'), countLost('challenger')];
  const sum = (name: Exclude<keyof CountRow, 'step' | 'isCurrent'>) =>
    rows.reduce((total, row) => total + row[name], 0);
  return {
    champion: {
      assigned: sum('championAssigned') + ofChampion,
      fallbacks: sum('championFallbacks'),
      slow: sum('championSlow') + ofChampion,
      requests: sum('championRequests') + ofChampion,
      errors: sum('championErrors') + ofChampion,
      ripe: sum('championRipe'),
      labelled: sum('championLabelled'),
      entities: sum('championEntities'),
    },
    challenger: {
      assigned: sum('challengerAssigned') + ofChallenger,
      fallbacks: sum('challengerFallbacks') + ofChallenger,
      slow: sum('challengerSlow') + ofChallenger,
      requests: sum('challengerRequests') + ofChallenger,
      errors: sum('challengerErrors') + ofChallenger,
      ripe: sum('challengerRipe'),
      labelled: sum('challengerLabelled'),
      entities: sum('challengerEntities'),
    },
  };
}

const spanWidths = [1, 10, 60, 600] as const;

/** Limits the spans of a step, because each read of a rollout adds them up. */
const maxSpans = 1500;

/**
 * Seconds of event time in which requests are counted: an hour for rollouts of weeks, a second for
 * rollouts of minutes, so that the counts of both are current.
 */
export function findTrafficSpan({
  maxDurationSeconds,
}: Pick<CanarySpec, 'maxDurationSeconds'>): number {
  return spanWidths.find((seconds) => maxDurationSeconds / seconds <= maxSpans) ?? 3600;
}
