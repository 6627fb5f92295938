/** Requests of a model by hour of receipt, over all its champions, and when an hour may be judged. */
import { allowedFalseAlarms } from '../../domain/monitoring/alarm-budget';
import type { MonitorSettings } from '../../domain/monitoring/monitor';
import { toHour } from '../../domain/monitoring/observation/window';
import { judgeVolume, weeksKept, type VolumeHour } from '../../domain/monitoring/volume/volume';
import {
  hourToJudge,
  lostGatewaySeconds,
  maxClockOffsetSeconds,
  withLook,
  type VolumeState,
  type VolumeWait,
} from '../../domain/monitoring/volume/volume-state';
import type { Query } from '../connection';
import type { Statement } from '../sql';
import { lastBeat } from '../serving/gateway-repository';
import type { MonitorKey, MonitorRow } from './schema';

/** Adds requests that the cursor passes in the same transaction, so each counts once. */
export async function countRequests(
  tx: Query,
  { tenantId: tenant, model }: MonitorKey,
  receivedAt: readonly string[],
): Promise<void> {
  if (receivedAt.length === 0) return;
  const counts = new Map<string, number>();
  for (const time of receivedAt) counts.set(toHour(time), (counts.get(toHour(time)) ?? 0) + 1);
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
    isDrained,
  }: {
    /** The row with the cursor after this check. */
    readonly row: MonitorRow;
    readonly settings: MonitorSettings;
    readonly known: VolumeState | null;
    readonly wallMs: number;
    /** Whether this look read all rows that it may. */
    readonly isDrained: boolean;
  },
): Promise<VolumeState> {
  const state = withLook(known, { wallMs, everySeconds: settings.everySeconds });
  const until = isDrained ? hourToJudge(state) : null;
  if (until === null) return state;
  const [seen] = await selectIsCounted(tx, { row, until });
  if (seen?.isCounted !== true) return state;
  const waitsFor = await findVolumeWait(tx, state);
  if (waitsFor !== null) return { ...state, waitsFor };
  await countUnanswered(tx, row);
  const { timezone, volume } = settings;
  const result = judgeVolume(await selectHours(tx, row), until, {
    timezone,
    tolerance: volume.tolerance,
    falseAlarmsPerYear: allowedFalseAlarms('volume', settings),
  });
  return { ...state, result, waitsFor: null };
}

/** Rows behind the cursor above which a later check judges. */
const maxUncounted = 5_000;

/**
 * Whether no request from before a time waits behind the cursor. The order makes PostgreSQL read the
 * rows behind the cursor alone, and not all from before the time.
 */
export function selectIsCounted(
  tx: Query,
  {
    row: { tenantId: tenant, model, cursorXid, cursorId },
    until,
  }: {
    readonly row: Pick<MonitorRow, 'tenantId' | 'model' | 'cursorXid' | 'cursorId'>;
    readonly until: number;
  },
): Statement<{ readonly isCounted: boolean }[]> {
  return tx<{ isCounted: boolean }[]>`
    select count(*) < ${maxUncounted} and coalesce(min(u.received_at) >= to_timestamp(${until / 1000}::float8), true) as is_counted from (
      select p.received_at from predictions p
      where p.tenant_id = ${tenant} and p.model = ${model} and (p.stored_xid, p.id) > (${cursorXid}::xid8, ${cursorId})
      order by p.stored_xid, p.id limit ${maxUncounted}
    ) u`;
}

/**
 * The gateway because of which requests may be missing from an hour that is over: it has some on its
 * disk or in its memory, it ended without deregistering and may have left some, or its clock differs.
 * Any gateway may have served any model.
 */
async function findVolumeWait(
  tx: Query,
  { resumedMs }: Pick<VolumeState, 'resumedMs'>,
): Promise<VolumeWait | null> {
  const [gateway] = await tx<
    { url: string; isLive: boolean; holdsPredictions: boolean; clockOffsetSeconds: number }[]
  >`
    select g.url, g.lease_until > clock_timestamp() as is_live, g.holds_predictions, g.clock_offset_seconds from gateways g
    where g.lease_until > clock_timestamp() and (g.holds_predictions or abs(g.clock_offset_seconds) > ${maxClockOffsetSeconds})
      or g.lease_until <= clock_timestamp() and g.beat < ${lastBeat}
        and greatest(g.lease_until, to_timestamp(${resumedMs / 1000}::float8)) > clock_timestamp() - make_interval(secs => ${lostGatewaySeconds})
    order by is_live desc, g.holds_predictions desc, g.url limit 1`;
  if (!gateway) return null;
  const { url, isLive, holdsPredictions, clockOffsetSeconds } = gateway;
  if (!isLive) return { kind: 'lost', gateway: url };
  if (holdsPredictions) return { kind: 'holds-predictions', gateway: url };
  return { kind: 'clock', gateway: url, aheadSeconds: Math.round(clockOffsetSeconds) };
}

/**
 * Requests that got no answer, of all versions. They are whole numbers of the hour, and kept for two
 * days. Those from before the first counted hour would make the counts begin too early.
 */
async function countUnanswered(tx: Query, { tenantId: tenant, model }: MonitorKey): Promise<void> {
  await tx`
    insert into request_hours as h (tenant_id, model, hour, unanswered)
    select ${tenant}, ${model}, hour, sum(failed) from request_failures
    where tenant_id = ${tenant} and model = ${model} and reason in ('failed', 'refused') and hour >= coalesce(
        (select min(hour) from request_hours where tenant_id = ${tenant} and model = ${model}), date_trunc('hour', clock_timestamp()))
    group by hour
    on conflict on constraint request_hours_pk do update set unanswered = greatest(h.unanswered, excluded.unanswered)`;
}

async function selectHours(
  tx: Query,
  { tenantId: tenant, model }: MonitorKey,
): Promise<readonly VolumeHour[]> {
  await tx`
    delete from request_hours
    where tenant_id = ${tenant} and model = ${model} and hour < clock_timestamp() - make_interval(weeks => ${weeksKept})`;
  return tx<VolumeHour[]>`
    select hour, (logged + unanswered)::float8 as requests from request_hours where tenant_id = ${tenant} and model = ${model}`;
}
