import type { PredictionId } from '../../domain/ids';
import { withNewSettings, type MonitorSettings } from '../../domain/monitoring/monitor';
import { withNewFigures } from '../../domain/monitoring/observation/monitor-results';
import { dueUntil } from '../rollout/traffic';
import { withEventTime } from '../../domain/monitoring/observation/monitor-state';
import type {
  FailedHour,
  InterruptedHour,
  ObservedLabel,
  ObservedRow,
  RefusedHour,
} from '../../domain/monitoring/observation/observed';
import {
  addWindows,
  emptyWindow,
  type WindowCounts,
} from '../../domain/monitoring/observation/window';
import type { Columns } from '../columns';
import type { Query, Transaction } from '../connection';
import { toJson } from '../document';
import type { Statement } from '../sql';
import type { MonitorLook, MonitorRepository } from './records';
import { followLabelFeed } from './label-feed';
import { countRequests, followVolume } from './volume';
import type { MonitorRow, monitors, monitorWindows } from './schema';

/**
 * Reads behind the cursor, folds, and moves the cursor in one transaction. A process that dies in
 * between has counted nothing.
 */
export async function foldBatch(
  tx: Transaction,
  { tenant, model, fencing, limit, settleMs, fold }: Parameters<MonitorRepository['fold']>[0],
): Promise<MonitorLook> {
  const [row] = await tx<MonitorRow[]>`
    select m.* from monitors m
    join model_aliases a on a.tenant_id = m.tenant_id and a.model = m.model and a.alias = 'champion' and a.fencing = m.fencing
    where m.tenant_id = ${tenant} and m.model = ${model} and m.fencing = ${fencing} and m.status = 'watching'
    for no key update of m`;
  if (row?.settings == null) return { kind: 'changed' };
  const settings = withNewSettings(row.settings);
  const stored = await selectStored(tx, { row, limit });
  const rows = stored.flatMap(toObserved);
  await countRequests(
    tx,
    row,
    stored.flatMap(({ isRequest, receivedAt }) => (isRequest ? [receivedAt] : [])),
  );
  const [clock] = await tx<{ wallMs: number }[]>`
    select (extract(epoch from clock_timestamp()) * 1000)::float8 as wall_ms`;
  const wallMs = clock?.wallMs ?? 0;
  const state = withEventTime(row.state, rows, { wallMs, settleMs });
  const until = dueUntil(state.clock, settings.availableAfterSeconds);
  const due = until === null ? [] : await takeLabels(tx, row, { until, limit });
  const labels = due.map(({ isRouted: _, ...label }) => label);
  const failed = await selectFailed(tx, row);
  const interrupted = await selectInterrupted(tx, row);
  const refused = await selectRefused(tx, row);
  const last = stored.at(-1);
  const cursor = { xid: last?.xid ?? row.cursorXid, id: last?.id ?? row.cursorId };
  const volume = await followVolume(tx, {
    row: { ...row, cursorXid: cursor.xid, cursorId: cursor.id },
    settings,
    known: row.state.volume ?? null,
    wallMs,
    isDrained: stored.length < limit,
  });
  const isDrained = stored.length < limit && labels.length < limit;
  const labelFeed = await followLabelFeed(tx, {
    row,
    settings,
    known: row.state.labelFeed ?? null,
    predictions: stored.filter(({ isRouted }) => isRouted),
    labels: due.flatMap(({ isRouted, at }) => (isRouted ? [at] : [])),
    dueUntil: until,
    isDrained,
  });
  const folded = fold(
    { ...state, volume, labelFeed },
    { rows, labels, failed, interrupted, refused, wallMs },
    settings,
  );
  const read = stored.length + labels.length;
  const next = { ...folded.state, lastFoundMs: read > 0 ? wallMs : state.lastFoundMs };
  const [looked] = await tx<Columns<typeof monitors, 'lookedAt'>[]>`
    update monitors set state = ${toJson(next)}, results = ${toJson(folded.results)},
      cursor_xid = ${cursor.xid}::xid8, cursor_id = ${cursor.id}, is_busy = ${wallMs - (next.lastFoundMs ?? 0) < lingerMs(settings)}, looked_at = clock_timestamp()
    where tenant_id = ${tenant} and model = ${model} returning looked_at`;
  await addToWindows(tx, row, folded.windows);
  const lookedAt = looked?.lookedAt ?? row.lookedAt;
  const { results } = folded;
  return {
    kind: 'folded',
    read,
    isDrained,
    monitor: toMonitor({ ...row, state: next, results, lookedAt }),
  };
}

/** After the last request, labels that are due arrive in a moment, and event time settles. */
function lingerMs({ everySeconds }: Pick<MonitorSettings, 'everySeconds'>): number {
  return 30_000 + 2_000 * everySeconds;
}

interface StoredRow {
  readonly id: PredictionId;
  readonly xid: string;
  readonly isCounted: boolean;
  /** Not a probe of the platform. */
  readonly isRequest: boolean;
  /** A request for the model, and not for one of its versions. */
  readonly isRouted: boolean;
  readonly version: number;
  readonly at: string;
  readonly receivedAt: string;
  readonly input: unknown;
  readonly output: unknown;
  readonly latencyMs: number;
}

/**
 * The clock of a gateway may be so far behind PostgreSQL's, by which a monitor starts. The cursor has
 * passed the rows of an earlier time as champion.
 */
const clockAllowance = '2 hours';

/**
 * Rows in the order of their transactions. A transaction that is still open has a number of at least
 * `pg_snapshot_xmin`, so no row can appear before the cursor later. Rows of other versions and arms
 * move the cursor, and their documents are not read.
 */
export function selectStored(
  sql: Query,
  {
    row: { tenantId: tenant, model, version, cursorXid, cursorId, startedAt },
    limit,
  }: {
    readonly row: Pick<
      MonitorRow,
      'tenantId' | 'model' | 'version' | 'cursorXid' | 'cursorId' | 'startedAt'
    >;
    readonly limit: number;
  },
): Statement<StoredRow[]> {
  const isCounted = sql`p.version = ${version} and p.arm = 'champion' and p.received_at >= ${startedAt}::timestamptz - ${clockAllowance}::interval`;
  return sql<StoredRow[]>`
    select p.id, p.stored_xid::text as xid, ${isCounted} as is_counted, p.arm <> 'probe' as is_request, p.arm not in ('probe', 'direct') as is_routed, p.version, coalesce(p.event_time, p.received_at) as at, p.received_at, p.latency_ms,
      case when ${isCounted} then p.input end as input, case when ${isCounted} then p.output end as output
    from predictions p
    where p.tenant_id = ${tenant} and p.model = ${model} and (p.stored_xid, p.id) > (${cursorXid}::xid8, ${cursorId})
      and p.stored_xid < pg_snapshot_xmin(pg_current_snapshot())
    order by p.stored_xid, p.id limit ${limit}`;
}

function toObserved({
  isCounted,
  isRequest: _1,
  isRouted: _2,
  version: _3,
  xid: _4,
  ...row
}: StoredRow): readonly ObservedRow[] {
  return isCounted ? [row] : [];
}

interface DueLabel extends ObservedLabel, Pick<StoredRow, 'isRouted'> {}

/**
 * Takes the oldest due labels of the version. Those of its time as a challenger count too; those of
 * probes and of requests for the version do not.
 */
async function takeLabels(
  tx: Transaction,
  { tenantId: tenant, model, version }: MonitorRow,
  { until, limit }: { readonly until: string; readonly limit: number },
): Promise<readonly DueLabel[]> {
  return tx<DueLabel[]>`
    with due as materialized (
      select prediction_id, event_time, day, label from feedback
      where tenant_id = ${tenant} and model = ${model} and version = ${version} and model is not null and monitored_at is null
        and event_time <= ${until}::timestamptz
      order by event_time, prediction_id limit ${limit} for update
    ), counted as (
      update feedback set monitored_at = clock_timestamp()
      where tenant_id = ${tenant} and prediction_id = any(array(select prediction_id from due))
    )
    select d.prediction_id as id, d.event_time as at, d.label, coalesce(p.arm not in ('probe', 'direct'), true) as is_routed,
      case when p.arm in ('champion', 'challenger') then p.input end as input, case when p.arm in ('champion', 'challenger') then p.output end as output
    from due d left join lateral (
      select arm, input, output from predictions where day = d.day and id = d.prediction_id and tenant_id = ${tenant} limit 1
    ) p on true
    order by d.event_time, d.prediction_id`;
}

/**
 * Whole numbers of hours, so that they may be read again. Those from before the promotion would be
 * without the answers of their hours.
 */
function selectFailed(
  tx: Transaction,
  { tenantId: tenant, model, version, startedAt }: MonitorRow,
): Statement<FailedHour[]> {
  return tx<FailedHour[]>`
    select hour, sum(failed)::float8 as failed from request_failures
    where tenant_id = ${tenant} and model = ${model} and version = ${version} and reason = 'failed'
      and hour > clock_timestamp() - interval '1 day' and hour > ${startedAt}::timestamptz - interval '1 hour'
    group by hour order by hour`;
}

function selectInterrupted(
  tx: Transaction,
  { tenantId: tenant, model, version, startedAt }: MonitorRow,
): Statement<InterruptedHour[]> {
  return tx<InterruptedHour[]>`
    select hour, sum(failed)::float8 as interrupted from request_failures
    where tenant_id = ${tenant} and model = ${model} and version = ${version} and reason = 'interrupted'
      and hour > clock_timestamp() - interval '1 day' and hour > ${startedAt}::timestamptz - interval '1 hour'
    group by hour order by hour`;
}

function selectRefused(
  tx: Transaction,
  { tenantId: tenant, model, version, startedAt }: MonitorRow,
): Statement<RefusedHour[]> {
  return tx<RefusedHour[]>`
    select hour, json_agg(json_build_object('reason', reason, 'column', nullif(column_name, ''), 'rows', rows) order by reason, column_name) as causes
    from (
      select hour, reason, column_name, sum(failed)::float8 as rows from request_failures
      where tenant_id = ${tenant} and model = ${model} and version = ${version} and reason not in ('failed', 'interrupted')
        and hour > clock_timestamp() - interval '1 day' and hour > ${startedAt}::timestamptz - interval '1 hour'
      group by hour, reason, column_name
    ) r group by hour order by hour`;
}

/** Under the lock of the monitor, so nothing else changes these rows. */
async function addToWindows(
  tx: Transaction,
  { tenantId: tenant, model, version }: MonitorRow,
  added: ReadonlyMap<string, WindowCounts>,
): Promise<void> {
  if (added.size === 0) return;
  const hours = [...added.keys()].sort();
  const stored = await tx<Columns<typeof monitorWindows, 'hour' | 'counts'>[]>`
    select hour, counts from monitor_windows
    where tenant_id = ${tenant} and model = ${model} and version = ${version} and hour = any(${hours}::timestamptz[])`;
  const known = new Map(stored.map(({ hour, counts }) => [new Date(hour).toISOString(), counts]));
  const counts = hours.map((hour) =>
    toJson(addWindows(known.get(hour) ?? emptyWindow, added.get(hour) ?? emptyWindow)),
  );
  await tx`
    insert into monitor_windows (tenant_id, model, version, hour, counts)
    select ${tenant}, ${model}, ${version}, hour, counts from unnest(${hours}::timestamptz[], ${counts}::json[]) as w (hour, counts)
    on conflict on constraint monitor_windows_pk do update set counts = excluded.counts, stored_at = now()`;
}

export function toMonitor({
  tenantId: tenant,
  cursorXid: _1,
  cursorId: _2,
  isBusy: _3,
  wokenAt: _4,
  createdAt: _5,
  everySeconds: _6,
  ...row
}: MonitorRow) {
  const { settings, results } = row;
  return {
    tenant,
    ...row,
    settings: settings && withNewSettings(settings),
    results: results && withNewFigures(results),
  };
}
