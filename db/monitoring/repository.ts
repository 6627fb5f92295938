import type { LifecycleSpec } from '../../domain/lifecycle/revision';
import type { Task } from '../../domain/model/model';
import { withNewSettings, type MonitorFacts } from '../../domain/monitoring/monitor';
import {
  isFallbackDue,
  type FallbackState,
} from '../../domain/monitoring/observation/fallback-state';
import {
  emptyMonitorState,
  type MonitorState,
} from '../../domain/monitoring/observation/monitor-state';
import { contradictionDays } from '../../domain/monitoring/observation/contradicted-labels';
import { toHour } from '../../domain/monitoring/observation/window';
import { alarmKinds } from '../../domain/monitoring/observation/monitor-results';
import type { Digest } from '../../domain/artifact';
import type { Database, Query } from '../connection';
import { toJson } from '../document';
import { afterKey, rowsToAsk, toPage } from '../page';
import type { Statement } from '../sql';
import { dueUntil } from '../rollout/traffic';
import { foldBatch, toMonitor } from './fold';
import type {
  CountedLabel,
  MonitoredModel,
  MonitorFigures,
  MonitorRepository,
  MonitorWindow,
  SampledPrediction,
} from './records';
import type { MonitorRow } from './schema';

/**
 * Other settings count anew, but of the requests that were not answered whole hours are read again.
 * So the hours of the service stay, with their answers. The volume and the
 * share of labels are those of the model, so they stay for another version too.
 */
function stateOfBegin(sql: Query) {
  return sql`(excluded.state::jsonb || jsonb_build_object('volume', m.state::jsonb -> 'volume', 'labelFeed', m.state::jsonb -> 'labelFeed')
    || case when m.fencing = excluded.fencing then jsonb_build_object('hours', coalesce(m.state::jsonb -> 'hours', '[]')) else '{}' end)::json`;
}

export function createMonitorRepository({ sql }: Database): MonitorRepository {
  return {
    due: async ({ limit }) => selectDue(sql, limit),

    facts: async (at) => readFacts(sql, at),

    async begin({ tenant, model, version, fencing, revision, settings, reference, waitingFor }) {
      await sql`
        insert into monitors as m (tenant_id, model, version, fencing, revision, status, waiting_for, settings, every_seconds, reference, state, raised, woken_at, started_at)
        select ${tenant}, ${model}, ${version}, ${fencing}, ${revision}, 'watching', ${waitingFor}, ${toJson(settings)}::json, ${settings.everySeconds},
          ${toJson(reference)}::json, ${toJson(emptyMonitorState)}::json, ${toJson(unknownIncidents)}::json, 'epoch', moved_at
        from model_aliases where tenant_id = ${tenant} and model = ${model} and alias = 'champion' and fencing = ${fencing}
        on conflict on constraint monitors_pk do update set version = excluded.version, fencing = excluded.fencing, revision = excluded.revision,
          status = excluded.status, waiting_for = excluded.waiting_for, settings = excluded.settings, every_seconds = excluded.every_seconds,
          reference = excluded.reference, state = ${stateOfBegin(sql)}, results = null, raised = excluded.raised, is_busy = true, looked_at = null,
          started_at = excluded.started_at`;
    },

    async prune({ tenant, model }) {
      await sql`
        delete from monitor_windows where tenant_id = ${tenant} and model = ${model} and stored_at < now() - ${windowsKept}::interval`;
    },

    async keep({ tenant, model, fencing, revision, settings }) {
      await sql`
        update monitors set revision = ${revision}, settings = ${toJson(settings)}::json, every_seconds = ${settings.everySeconds}
        where tenant_id = ${tenant} and model = ${model} and fencing = ${fencing} and revision <> ${revision}`;
    },

    async loseReference({ tenant, model, digest }) {
      await sql`
        update monitors set reference = null, waiting_for = 'a reference: its artifact was deleted; the next promotion makes a new one'
        where tenant_id = ${tenant} and model = ${model} and reference ->> 'digest' = ${digest}`;
    },

    async turnOff({ tenant, model, why }) {
      await sql`
        with facts as (
          select coalesce(a.version, 0) as version, coalesce(a.fencing, n.fencing) as fencing, coalesce(l.current_revision, 0) as revision
          from models n
          left join model_aliases a on a.tenant_id = n.tenant_id and a.model = n.name and a.alias = 'champion'
          left join lifecycles l on l.tenant_id = n.tenant_id and l.name = n.name
          where n.tenant_id = ${tenant} and n.name = ${model}
        )
        insert into monitors (tenant_id, model, version, fencing, revision, status, waiting_for, every_seconds, state, is_busy, woken_at)
        select ${tenant}, ${model}, version, fencing, revision, 'off', ${why}, 0, ${toJson(emptyMonitorState)}::json, false, 'epoch' from facts
        on conflict on constraint monitors_pk do update set version = excluded.version, fencing = excluded.fencing, revision = excluded.revision,
          status = 'off', waiting_for = excluded.waiting_for, is_busy = false`;
    },

    fold: (input) => sql.begin((tx) => foldBatch(tx, input)),

    async sample({ tenant, model, version, limit }) {
      return sql<SampledPrediction[]>`
        select coalesce(event_time, received_at) as at, input, output from predictions
        where tenant_id = ${tenant} and model = ${model} and version = ${version} and arm = 'champion'
          and received_at > now() - interval '1 day' and day >= (now() at time zone 'UTC')::date - 1
        order by received_at desc limit ${limit}`;
    },

    async noteSkew({ skew, ...at }) {
      await changeState(sql, at, { skew });
    },

    async countedLabels({ tenant, model, version, cursor, limit }) {
      return sql<CountedLabel[]>`
        select f.prediction_id as id, f.event_time as at, f.label, f.monitored_at::text as monitored_at, p.input, p.output
        from feedback f
        join predictions p on p.day = f.day and p.id = f.prediction_id and p.tenant_id = f.tenant_id and p.arm in ('champion', 'challenger')
        where f.tenant_id = ${tenant} and f.model = ${model} and f.version = ${version} and f.monitored_at is not null and f.event_time is not null
          and (f.monitored_at, f.prediction_id) > (${cursor.monitoredAt}::timestamptz, ${cursor.id})
        order by f.monitored_at, f.prediction_id limit ${limit}`;
    },

    noteFallback: ({ fallback, ...at }) =>
      changeState(sql, at, { fallback }, (monitor) => isComparison(monitor, fallback)),

    async noteRaised({ tenant, model, fencing, raised }) {
      await sql`
        update monitors set raised = ${toJson(raised)}::json
        where tenant_id = ${tenant} and model = ${model} and fencing = ${fencing}`;
    },

    async get({ tenant, model }) {
      const [row] = await sql<
        MonitorRow[]
      >`select * from monitors where tenant_id = ${tenant} and model = ${model}`;
      return row ? toMonitor(row) : null;
    },

    async list({ tenant, ...page }) {
      const after = afterKey(page);
      const rows = await sql<MonitorRow[]>`
        select * from monitors
        where tenant_id = ${tenant} and ${after === null ? sql`true` : sql`model > ${after}`}
        order by model limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => row.model, toMonitor);
    },

    async figures() {
      return sql<MonitorFigures[]>`
        select m.tenant_id as tenant, m.model, m.version, (m.state ->> 'rows')::float8 as rows,
          extract(epoch from clock_timestamp() - m.looked_at)::float8 as seconds_since_look,
          case when m.results #>> '{quality}' is not null then json_build_object('estimate', m.results #> '{quality,estimate}', 'lower', m.results #> '{quality,lower}',
            'upper', m.results #> '{quality,upper}', 'reference', m.results #> '{quality,reference}', 'limit', m.results #> '{quality,limit}',
            'bias', m.results #> '{quality,bias}', 'slices', m.results #> '{quality,slices}', 'tests', m.results #> '{quality,tests}') end as quality,
          (m.results #>> '{estimate,loss}')::float8 as estimated_loss, coalesce(m.results -> 'alarms', '[]') as alarms,
          coalesce((
            select json_agg(json_build_object('feature', d -> 'feature', 'role', d -> 'role', 'effect', d -> 'effect', 'tolerance', d -> 'tolerance', 'bins', d -> 'bins'))
            from json_array_elements(m.results -> 'drift') d
          ), '[]') as drift,
          m.results -> 'refused' as refused, (m.settings #>> '{data,maxRefused}')::float8 as max_refused, m.results -> 'skew' as skew, m.results -> 'volume' as volume
        from monitors m where m.status = 'watching' order by 1, 2`;
    },

    async windows({ tenant, model, version, limit }) {
      const rows = await sql<MonitorWindow[]>`
        select hour, counts from monitor_windows
        where tenant_id = ${tenant} and model = ${model} and version = ${version} order by hour desc limit ${limit}`;
      return [...rows].reverse();
    },

    async contradictedLabels({ tenant, model, version, state, settings }) {
      const until = settings && dueUntil(state.clock, settings.availableAfterSeconds);
      if (until === null) return null;
      const firstHour = toHour(
        new Date(Date.parse(until) - contradictionDays * 86_400_000).toISOString(),
      );
      const [row] = await sql<{ labels: number; contradicted: number }[]>`
        select
          (select coalesce(sum((counts ->> 'labels')::float8), 0) from monitor_windows
            where tenant_id = ${tenant} and model = ${model} and version = ${version} and hour between ${firstHour}::timestamptz and ${until}::timestamptz) as labels,
          (select count(*)::float8 from feedback
            where tenant_id = ${tenant} and model = ${model} and version = ${version} and contradicted_at is not null and monitored_at is not null
              and event_time between ${firstHour}::timestamptz and ${until}::timestamptz) as contradicted`;
      return { since: firstHour, labels: row?.labels ?? 0, contradicted: row?.contradicted ?? 0 };
    },
  };
}

type ChangedRow = Pick<MonitorRow, 'state' | 'settings' | 'results'>;

/** The next look shows it. False if another version is watched now, or it may not change. */
function changeState(
  sql: Database['sql'],
  { tenant, model, fencing }: MonitoredModel & { readonly fencing: number },
  change: Partial<MonitorState>,
  mayChange: (row: ChangedRow) => boolean = () => true,
): Promise<boolean> {
  return sql.begin(async (tx) => {
    const [row] = await tx<ChangedRow[]>`
      select state, settings, results from monitors where tenant_id = ${tenant} and model = ${model} and fencing = ${fencing} for no key update`;
    if (!row || !mayChange(row)) return false;
    await tx`
      update monitors set state = ${toJson({ ...row.state, ...change })}::json, is_busy = true
      where tenant_id = ${tenant} and model = ${model}`;
    return true;
  });
}

/** Whether the comparison is still due, and is the stored one or the first. */
function isComparison({ state, settings, results }: ChangedRow, next: FallbackState): boolean {
  const { fallback } = state;
  return (
    settings !== null &&
    isFallbackDue(settings, results?.alarms ?? []) &&
    (fallback === null || (fallback.former === next.former && fallback.since === next.since))
  );
}

/**
 * Of each kind, an incident of the former champion may be open. The first look resolves those whose
 * alarms it does not find.
 */
const unknownIncidents = Object.fromEntries(alarmKinds.map((kind) => [kind, '']));

/** Hours of charts are kept for a year and a month. */
const windowsKept = '400 days';

/** An idle monitor looks this often, because labels may arrive without requests. */
const idleLook = '5 minutes';

/**
 * The mark keeps several workers from waking the same monitor, and the one that waits longest comes
 * first, so that none starves above the limit. A monitor that cannot be prepared, because no worker
 * of its queue runs, is woken every few seconds. Only the newest two days are probed,
 * each a partition. The idle look finds older rows, which a gateway had spilled.
 */
function selectDue(sql: Query, limit: number): Statement<MonitoredModel[]> {
  return sql<MonitoredModel[]>`
    with due as (
      select coalesce(a.tenant_id, m.tenant_id) as tenant_id, coalesce(a.model, m.model) as model
      from (select * from model_aliases where alias = 'champion') a
      full join monitors m on m.tenant_id = a.tenant_id and m.model = a.model
      left join lifecycles l on l.tenant_id = a.tenant_id and l.name = a.model
      where (
        m.model is null
        or a.model is null and m.status = 'watching' and m.woken_at < clock_timestamp() - interval '5 seconds'
        or m.woken_at < clock_timestamp() - interval '5 seconds' and (m.fencing <> a.fencing or m.revision <> coalesce(l.current_revision, 0))
        or m.status = 'watching' and m.woken_at < clock_timestamp() - make_interval(secs => m.every_seconds) and (
          m.is_busy or m.looked_at is null or m.looked_at < clock_timestamp() - ${idleLook}::interval
          or exists (
            select from predictions p
            where p.tenant_id = m.tenant_id and p.model = m.model and (p.stored_xid, p.id) > (m.cursor_xid, m.cursor_id)
              and p.day >= current_date - 1
          )
          or exists (
            select from request_failures f
            where f.tenant_id = m.tenant_id and f.model = m.model and f.version = m.version and f.counted_at > m.looked_at
          )
        )
      )
      order by m.woken_at nulls first, 1, 2 limit ${limit}
    ), woken as (
      update monitors m set woken_at = clock_timestamp() from due d where m.tenant_id = d.tenant_id and m.model = d.model
    )
    select tenant_id as tenant, model from due`;
}

interface FactsRow {
  readonly version: number | null;
  readonly fencing: number | null;
  readonly digest: Digest | null;
  readonly task: Task | 'chat' | null;
  readonly revision: number | null;
  readonly spec: LifecycleSpec | null;
  readonly watchedVersion: number | null;
  readonly watchedFencing: number | null;
  readonly watchedRevision: number | null;
  readonly status: NonNullable<MonitorFacts['watched']>['status'] | null;
  readonly settings: NonNullable<MonitorFacts['watched']>['settings'];
}

/** In one statement, so that the facts fit each other. */
async function readFacts(sql: Query, { tenant, model }: MonitoredModel): Promise<MonitorFacts> {
  const [row] = await sql<FactsRow[]>`
    select a.version, a.fencing, v.digest, v.signature ->> 'task' as task, r.revision, r.spec,
      m.version as watched_version, m.fencing as watched_fencing, m.revision as watched_revision, m.status, m.settings
    from (select) one
    left join model_aliases a on a.tenant_id = ${tenant} and a.model = ${model} and a.alias = 'champion'
    left join model_versions v on v.tenant_id = a.tenant_id and v.model = a.model and v.version = a.version
    left join lifecycles l on l.tenant_id = ${tenant} and l.name = ${model} and l.deleted_at is null
    left join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
    left join monitors m on m.tenant_id = ${tenant} and m.model = ${model}`;
  if (!row) throw new Error('the database returned no facts of the monitor');
  const { version, fencing, digest, task, revision, spec, status, settings } = row;
  const { watchedVersion, watchedFencing, watchedRevision } = row;
  return {
    champion:
      version === null || fencing === null || digest === null || task === null
        ? null
        : { version, fencing, digest, task },
    revision: revision === null || spec === null ? null : { revision, spec },
    watched:
      status === null
        ? null
        : {
            version: watchedVersion ?? 0,
            fencing: watchedFencing ?? 0,
            revision: watchedRevision ?? 0,
            status,
            settings: settings && withNewSettings(settings),
          },
  };
}
