import { sql } from 'drizzle-orm';
import {
  check,
  doublePrecision,
  foreignKey,
  index,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { Digest } from '../../domain/artifact';
import {
  loggedModelStatuses,
  trackedRunStatuses,
  trackingStages,
  type KeyedTexts,
  type LoggedModelStatus,
  type TrackedRun,
  type TrackedRunStatus,
  type TrackingStage,
} from '../../domain/tracking/tracking';
import { bytewise, counter, createdAt, document, isDigest, restrictTo, tenantId } from '../columns';
import { artifacts } from '../artifact/schema';
import { tenants } from '../tenant/schema';

export const trackingExperiments = pgTable(
  'tracking_experiments',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    name: text('name').notNull(),
    stage: text('stage').$type<TrackingStage>().notNull(),
    tags: document<KeyedTexts>('tags').notNull(),
    createdAtMs: counter('created_at_ms').notNull(),
    updatedAtMs: counter('updated_at_ms').notNull(),
  },
  (t) => [
    primaryKey({ name: 'tracking_experiments_pk', columns: [t.tenantId, t.id] }),
    foreignKey({
      name: 'tracking_experiments_tenant_fk',
      columns: [t.tenantId],
      foreignColumns: [tenants.id],
    }),
    uniqueIndex('tracking_experiments_name').on(t.tenantId, t.name),
    restrictTo('tracking_experiments_stage_check', t.stage, trackingStages),
  ],
);

export const trackedRuns = pgTable(
  'tracked_runs',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    experimentId: bytewise('experiment_id').notNull(),
    name: text('name').notNull(),
    userId: text('user_id').notNull(),
    status: text('status').$type<TrackedRunStatus>().notNull(),
    startTimeMs: counter('start_time_ms').notNull(),
    endTimeMs: counter('end_time_ms'),
    stage: text('stage').$type<TrackingStage>().notNull(),
    params: document<KeyedTexts>('params').notNull(),
    tags: document<KeyedTexts>('tags').notNull(),
    /** Not a number and infinite values are in the history only as JSON cannot hold them. */
    metrics: document<LatestMetrics>('metrics').notNull(),
    datasetInputs: document<TrackedRun['datasetInputs']>('dataset_inputs').notNull(),
    modelInputs: document<TrackedRun['modelInputs']>('model_inputs').notNull(),
    modelOutputs: document<TrackedRun['modelOutputs']>('model_outputs').notNull(),
    /** Rows of the metric history, which is bounded. */
    points: counter('points').notNull().default(0),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'tracked_runs_pk', columns: [t.tenantId, t.id] }),
    foreignKey({
      name: 'tracked_runs_experiment_fk',
      columns: [t.tenantId, t.experimentId],
      foreignColumns: [trackingExperiments.tenantId, trackingExperiments.id],
    }),
    restrictTo('tracked_runs_stage_check', t.stage, trackingStages),
    restrictTo('tracked_runs_status_check', t.status, trackedRunStatuses),
    index('tracked_runs_by_experiment').on(t.tenantId, t.experimentId, t.startTimeMs, t.id),
  ],
);

/** Values as texts, because JSON has no NaN and no infinity. */
type LatestMetrics = Readonly<
  Record<string, { readonly value: string; readonly timestampMs: number; readonly step: number }>
>;

export const trackedMetrics = pgTable(
  'tracked_metrics',
  {
    tenantId: tenantId(),
    runId: bytewise('run_id').notNull(),
    key: bytewise('key').notNull(),
    step: counter('step').notNull(),
    timestampMs: counter('timestamp_ms').notNull(),
    value: doublePrecision('value').notNull(),
  },
  (t) => [
    // The same point sent twice is one point.
    primaryKey({
      name: 'tracked_metrics_pk',
      columns: [t.tenantId, t.runId, t.key, t.step, t.timestampMs, t.value],
    }),
    foreignKey({
      name: 'tracked_metrics_run_fk',
      columns: [t.tenantId, t.runId],
      foreignColumns: [trackedRuns.tenantId, trackedRuns.id],
    }),
  ],
);

export const loggedModels = pgTable(
  'logged_models',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    experimentId: bytewise('experiment_id').notNull(),
    sourceRunId: bytewise('source_run_id'),
    name: text('name').notNull(),
    type: text('type'),
    status: text('status').$type<LoggedModelStatus>().notNull(),
    stage: text('stage').$type<TrackingStage>().notNull(),
    params: document<KeyedTexts>('params').notNull(),
    tags: document<KeyedTexts>('tags').notNull(),
    createdAtMs: counter('created_at_ms').notNull(),
    updatedAtMs: counter('updated_at_ms').notNull(),
  },
  (t) => [
    primaryKey({ name: 'logged_models_pk', columns: [t.tenantId, t.id] }),
    foreignKey({
      name: 'logged_models_experiment_fk',
      columns: [t.tenantId, t.experimentId],
      foreignColumns: [trackingExperiments.tenantId, trackingExperiments.id],
    }),
    restrictTo('logged_models_stage_check', t.stage, trackingStages),
    restrictTo('logged_models_status_check', t.status, loggedModelStatuses),
    index('logged_models_by_experiment').on(t.tenantId, t.experimentId, t.createdAtMs, t.id),
  ],
);

export const trackedArtifacts = pgTable(
  'tracked_artifacts',
  {
    tenantId: tenantId(),
    /** Path below the tenant, `<experiment>/<run>/artifacts/<path>`. */
    path: bytewise('path').notNull(),
    digest: text('digest').$type<Digest>().notNull(),
    bytes: counter('bytes').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'tracked_artifacts_pk', columns: [t.tenantId, t.path] }),
    foreignKey({
      name: 'tracked_artifacts_artifact_fk',
      columns: [t.tenantId, t.digest],
      foreignColumns: [artifacts.tenantId, artifacts.digest],
    }),
    isDigest('tracked_artifacts_digest_check', t.digest),
    check('tracked_artifacts_bytes_check', sql`${t.bytes} >= 0`),
  ],
);
