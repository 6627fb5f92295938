import { randomUUID } from 'node:crypto';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import { applyBatch, checkSize, type TrackingBatch } from '../../domain/tracking/batch';
import type {
  KeyedTexts,
  MetricPoint,
  TrackedRun,
  TrackedRunStatus,
  TrackingStage,
} from '../../domain/tracking/tracking';
import { appendAudit } from '../audit/entry';
import type { Columns } from '../columns';
import type { Database, Query, Transaction } from '../connection';
import { toJson } from '../document';
import type { Page } from '../page';
import { makeDefault, noExperiment, withTag } from './experiment-repository';
import type { trackedMetrics, trackedRuns, trackingExperiments } from './schema';
import {
  meetsTerms,
  pageFrom,
  searchParameters,
  sortedBy,
  type TrackingPage,
  type TrackingSearch,
} from './search-sql';

export interface TrackedRunRepository {
  /** @throws NotFound for an unknown experiment, InvalidInput for a deleted one */
  create(input: {
    readonly tenant: Tenant;
    readonly experimentId: string;
    readonly name: string;
    readonly userId: string;
    readonly startTimeMs: number;
    readonly tags: KeyedTexts;
  }): Promise<TrackedRun>;
  get(input: { readonly tenant: Tenant; readonly id: string }): Promise<TrackedRun | null>;
  /** @throws NotFound */
  update(input: {
    readonly tenant: Tenant;
    readonly id: string;
    readonly status?: TrackedRunStatus | undefined;
    readonly endTimeMs?: number | undefined;
    readonly name?: string | undefined;
  }): Promise<TrackedRun>;
  /** Deletes or restores. @throws NotFound */
  setStage(input: {
    readonly tenant: Tenant;
    readonly id: string;
    readonly stage: TrackingStage;
    readonly actor: string;
  }): Promise<void>;
  /** A repeated batch changes nothing. @throws NotFound, InvalidInput */
  log(input: {
    readonly tenant: Tenant;
    readonly id: string;
    readonly batch: TrackingBatch;
  }): Promise<void>;
  /** @throws NotFound */
  removeTag(input: {
    readonly tenant: Tenant;
    readonly id: string;
    readonly key: string;
  }): Promise<void>;
  search(
    input: TrackingSearch & {
      readonly tenant: Tenant;
      readonly experimentIds: readonly string[];
    },
  ): Promise<Page<TrackedRun>>;
  /** The points of one metric, oldest step first. */
  history(
    input: TrackingPage & {
      readonly tenant: Tenant;
      readonly id: string;
      readonly key: string;
    },
  ): Promise<Page<MetricPoint>>;
}

/** Rows of the metric history of one run. */
const maxPoints = 1_000_000;

type TrackedRunRow = typeof trackedRuns.$inferSelect;

export function createTrackedRunRepository({ sql }: Database): TrackedRunRepository {
  return {
    create: ({ tenant, experimentId, name, userId, startTimeMs, tags }) =>
      sql.begin(async (tx) => {
        await makeDefault(tx, tenant);
        const [experiment] = await tx<Columns<typeof trackingExperiments, 'stage'>[]>`
          select stage from tracking_experiments where tenant_id = ${tenant} and id = ${experimentId}`;
        if (!experiment) throw noExperiment(experimentId);
        if (experiment.stage !== 'active')
          throw failure('InvalidInput', `the experiment ${experimentId} is deleted`, {
            next: 'restore the experiment, or use another one',
          });
        checkSize('the run', { params: {}, tags });
        const [row] = await tx<TrackedRunRow[]>`
          insert into tracked_runs (tenant_id, id, experiment_id, name, user_id, status, start_time_ms, stage, params, tags, metrics,
            dataset_inputs, model_inputs, model_outputs)
          values (${tenant}, ${randomUUID().replaceAll('-', '')}, ${experimentId}, ${name}, ${userId}, 'RUNNING', ${startTimeMs}, 'active',
            '{}', ${toJson(tags)}, '{}', '[]', '[]', '[]') returning *`;
        return toRun(row as TrackedRunRow);
      }),

    async get({ tenant, id }) {
      const [row] = await sql<TrackedRunRow[]>`
        select * from tracked_runs where tenant_id = ${tenant} and id = ${id}`;
      return row ? toRun(row) : null;
    },

    update: ({ tenant, id, status, endTimeMs, name }) =>
      sql.begin(async (tx) => {
        const before = await lockRun(tx, tenant, id);
        const [row] = await tx<TrackedRunRow[]>`
          update tracked_runs set status = ${status ?? before.status}, end_time_ms = ${endTimeMs ?? before.endTimeMs},
            name = ${name ?? before.name}
          where tenant_id = ${tenant} and id = ${id} returning *`;
        return toRun(row as TrackedRunRow);
      }),

    setStage: ({ tenant, id, stage, actor }) =>
      sql.begin(async (tx) => {
        const before = await lockRun(tx, tenant, id);
        if (before.stage === stage) return;
        await tx`update tracked_runs set stage = ${stage} where tenant_id = ${tenant} and id = ${id}`;
        await appendAudit(tx, {
          tenant,
          actor,
          action: 'trackedRun.update',
          subject: `trackedRun:${id}`,
          cause: 'requested',
          before: { stage: before.stage },
          after: { stage },
        });
      }),

    log: ({ tenant, id, batch }) =>
      sql.begin(async (tx) => {
        const before = await lockRun(tx, tenant, id);
        const after = applyBatch(toRun(before), batch);
        const added = await addPoints(tx, { tenant, id, points: batch.metrics ?? [] });
        if (before.points + added > maxPoints)
          throw failure('InvalidInput', `the run ${id} has ${maxPoints} metric values already`, {
            next: 'log fewer steps, or start another run',
          });
        await save(tx, tenant, after, before.points + added);
      }),

    removeTag: ({ tenant, id, key }) =>
      sql.begin(async (tx) => {
        const { tags } = await lockRun(tx, tenant, id);
        await tx`
          update tracked_runs set tags = ${toJson(withTag(tags, key, null))} where tenant_id = ${tenant} and id = ${id}`;
      }),

    async search({ tenant, experimentIds, stages, terms, order, ...page }) {
      const asked = searchParameters({ terms, order }, runKeys);
      const rows = await sql<TrackedRunRow[]>`
        select t.* from tracked_runs t
        cross join lateral (select json_build_object('metric', t.metrics, 'param', t.params, 'tag', t.tags, 'attribute',
          json_build_object('run_id', t.id, 'run_name', t.name, 'status', t.status, 'user_id', t.user_id,
            'start_time', t.start_time_ms, 'created', t.start_time_ms, 'end_time', t.end_time_ms)) as doc) d
        where t.tenant_id = ${tenant} and t.experiment_id = any(${[...experimentIds]}::text[])
          and t.stage = any(${[...stages]}::text[]) and ${meetsTerms(sql, asked.terms)}
        order by ${sortedBy(sql, asked.first)}, ${sortedBy(sql, asked.second)}, ${sortedBy(sql, asked.third)},
          t.start_time_ms desc, t.id
        limit ${page.pageSize + 1} offset ${page.offset}`;
      const { items, nextPageToken } = pageFrom(rows, page);
      return { items: items.map(toRun), nextPageToken };
    },

    async history({ tenant, id, key, ...page }) {
      const rows = await sql<
        Columns<typeof trackedMetrics, 'key' | 'value' | 'step' | 'timestampMs'>[]
      >`
        select key, value, step, timestamp_ms from tracked_metrics
        where tenant_id = ${tenant} and run_id = ${id} and key = ${key}
        order by step, timestamp_ms, value limit ${page.pageSize + 1} offset ${page.offset}`;
      return pageFrom(rows, page);
    },
  };
}

const runKeys = {
  attributes: {
    run_id: 'text',
    run_name: 'text',
    status: 'text',
    user_id: 'text',
    start_time: 'number',
    created: 'number',
    end_time: 'number',
  },
  kinds: ['metric', 'param', 'tag'],
} as const;

async function lockRun(tx: Transaction, tenant: Tenant, id: string): Promise<TrackedRunRow> {
  const [row] = await tx<TrackedRunRow[]>`
    select * from tracked_runs where tenant_id = ${tenant} and id = ${id} for update`;
  if (!row) throw noTrackedRun(id);
  return row;
}

export function noTrackedRun(id: string): Error {
  return failure('NotFound', `there is no tracked run ${id}`, {
    next: 'perennial experiment list',
  });
}

interface PointsToAdd {
  readonly tenant: Tenant;
  readonly id: string;
  readonly points: readonly MetricPoint[];
}

/** Returns how many of the points are new. */
async function addPoints(sql: Query, { tenant, id, points }: PointsToAdd): Promise<number> {
  if (points.length === 0) return 0;
  const added = await sql`
    insert into tracked_metrics (tenant_id, run_id, key, step, timestamp_ms, value)
    select ${tenant}, ${id}, p.key, p.step, p.timestamp_ms, p.value
    from unnest(${points.map(({ key }) => key)}::text[], ${points.map(({ step }) => step)}::bigint[],
      ${points.map(({ timestampMs }) => timestampMs)}::bigint[], ${points.map(({ value }) => String(value))}::float8[])
      as p (key, step, timestamp_ms, value)
    on conflict do nothing`;
  return added.count;
}

async function save(tx: Transaction, tenant: Tenant, run: TrackedRun, points: number) {
  const metrics = Object.fromEntries(
    Object.entries(run.metrics).map(([key, { value, timestampMs, step }]) => [
      key,
      { value: String(value), timestampMs, step },
    ]),
  );
  await tx`
    update tracked_runs set params = ${toJson(run.params)}, tags = ${toJson(run.tags)}, metrics = ${toJson(metrics)},
      dataset_inputs = ${toJson(run.datasetInputs)}, model_inputs = ${toJson(run.modelInputs)},
      model_outputs = ${toJson(run.modelOutputs)}, points = ${points}
    where tenant_id = ${tenant} and id = ${run.id}`;
}

function toRun(row: TrackedRunRow): TrackedRun {
  const { id, experimentId, name, userId, status, startTimeMs, endTimeMs, stage, params } = row;
  const { tags, datasetInputs, modelInputs, modelOutputs } = row;
  const metrics = Object.fromEntries(
    Object.entries(row.metrics).map(([key, { value, timestampMs, step }]) => [
      key,
      { key, value: Number(value), timestampMs, step },
    ]),
  );
  return {
    id,
    experimentId,
    name,
    userId,
    status,
    startTimeMs,
    endTimeMs,
    stage,
    params,
    tags,
    metrics,
    datasetInputs,
    modelInputs,
    modelOutputs,
  };
}
