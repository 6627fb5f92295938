/** Requests of a model by hour of receipt, over all its champions, and when an hour may be judged. */
import type { MonitorSettings } from '../../domain/monitoring/monitor';
import { hourOf } from '../../domain/monitoring/observation/window';
import { judgeVolume, weeksKept, type VolumeHour } from '../../domain/monitoring/volume/volume';
import {
  hourToJudge,
  lostGatewaySeconds,
  withLook,
  type VolumeState,
} from '../../domain/monitoring/volume/volume-state';
import type { Query } from '../connection';
import { lastBeat } from '../serving/gateway-repository';
import type { MonitorRow } from './fold';

type Monitored = Pick<MonitorRow, 'tenantId' | 'model'>;

/** Adds requests that the cursor passes in the same transaction, so each counts once. */
export async function countRequests(
  tx: Query,
  { tenantId: tenant, model }: Monitored,
  receivedAt: readonly string[],
): Promise<void> {
  if (receivedAt.length === 0) return;
  const counts = new Map<string, number>();
  for (const time of receivedAt) counts.set(hourOf(time), (counts.get(hourOf(time)) ?? 0) + 1);
  await tx`
    insert into request_hours as h (tenant_id, model, hour, logged)
    select ${tenant}, ${model}, hour, logged from unnest(${[...counts.keys()]}::timestamptz[], ${[...counts.values()]}::bigint[]) as c (hour, logged)
    on conflict on constraint request_hours_pk do update set logged = h.logged + excluded.logged`;
}

/**
 * Notes the look, and judges the hours, days and weeks that are over and whose requests were all
 * counted.
 */
export async function followVolume(
  tx: Query,
  {
    row,
    settings,
    known,
    wallMs,
  }: {
    /** With the cursor after this look. */
    readonly row: MonitorRow;
    readonly settings: MonitorSettings;
    readonly known: VolumeState | null;
    readonly wallMs: number;
  },
): Promise<VolumeState> {
  const state = withLook(known, wallMs);
  const until = hourToJudge(state);
  if (until === null || !(await isCounted(tx, { row, until, resumedMs: state.resumedMs })))
    return state;
  await countUnanswered(tx, row);
  const { timezone, drift, volume } = settings;
  const result = judgeVolume(await selectHours(tx, row), until, {
    timezone,
    tolerance: volume.tolerance,
    falseAlarmsPerYear: drift.falseAlarmsPerYear,
  });
  return { ...state, result };
}

/**
 * Whether all requests from before a time were counted, as far as PostgreSQL knows: none waits behind
 * the cursor or on the disk of a gateway.
 */
async function isCounted(
  tx: Query,
  {
    row: { tenantId: tenant, model, cursorXid, cursorId },
    until,
    resumedMs,
  }: { readonly row: MonitorRow; readonly until: number; readonly resumedMs: number },
): Promise<boolean> {
  const [seen] = await tx<{ isCounted: boolean }[]>`
    select not exists (
      select from predictions p
      where p.tenant_id = ${tenant} and p.model = ${model} and (p.stored_xid, p.id) > (${cursorXid}::xid8, ${cursorId})
        and p.received_at < to_timestamp(${until / 1000}::float8)
    ) and not exists (
      select from gateways g
      where g.lease_until > clock_timestamp() and g.holds_predictions
        or g.lease_until <= clock_timestamp() and g.beat < ${lastBeat}
          and greatest(g.lease_until, to_timestamp(${resumedMs / 1000}::float8)) > clock_timestamp() - make_interval(secs => ${lostGatewaySeconds})
    ) as is_counted`;
  return seen?.isCounted === true;
}

/**
 * Requests that got no answer, of all versions. They are whole numbers of the hour, and kept for two
 * days.
 */
async function countUnanswered(tx: Query, { tenantId: tenant, model }: Monitored): Promise<void> {
  await tx`
    insert into request_hours as h (tenant_id, model, hour, unanswered)
    select ${tenant}, ${model}, hour, sum(failed) from request_failures
    where tenant_id = ${tenant} and model = ${model} and reason in ('failed', 'refused') group by hour
    on conflict on constraint request_hours_pk do update set unanswered = greatest(h.unanswered, excluded.unanswered)`;
}

async function selectHours(
  tx: Query,
  { tenantId: tenant, model }: Monitored,
): Promise<readonly VolumeHour[]> {
  await tx`
    delete from request_hours
    where tenant_id = ${tenant} and model = ${model} and hour < clock_timestamp() - make_interval(weeks => ${weeksKept})`;
  return tx<VolumeHour[]>`
    select hour, (logged + unanswered)::float8 as requests from request_hours where tenant_id = ${tenant} and model = ${model}`;
}
