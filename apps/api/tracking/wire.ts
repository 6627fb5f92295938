/** The messages of MLflow's tracking API, version 2.0, as its clients send and read them. */
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import {
  experimentArtifactUri,
  loggedModelStatuses,
  modelArtifactUri,
  runArtifactUri,
  trackedRunStatuses,
  type Experiment,
  type KeyedTexts,
  type LoggedModel,
  type MetricPoint,
  type TrackedRun,
  type TrackingStage,
} from '../../../domain/tracking/tracking';

/** Numbers of protobuf's 64 bits may be sent as texts. */
const whole = z.coerce.number().int().min(Number.MIN_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER);
const key = z.string().min(1).max(250);
/** PostgreSQL stores no NUL characters. */
const textUpTo = (length: number) =>
  z
    .string()
    .max(length)
    .refine((value) => !value.includes('\0'), 'cannot contain NUL characters');

const wordOf = { NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity } as const;
/** JSON has no NaN and no infinity, so protobuf sends them as texts. */
const metricValue = z.union([
  z.number(),
  z.enum(['NaN', 'Infinity', '-Infinity']).transform((word) => wordOf[word]),
]);

export const experimentId = z.string().min(1).max(64);
export const trackedRunId = z.string().regex(/^[a-zA-Z0-9][\w-]{0,255}$/);
export const loggedModelId = z.string().regex(/^m-[0-9a-f]{32}$/);
export const tagText = z.looseObject({ key, value: textUpTo(8_000) });
export const paramText = z.looseObject({ key, value: textUpTo(6_000) });
export const metric = z.looseObject({
  key,
  value: metricValue,
  timestamp: whole.min(0),
  step: whole.default(0),
});
/** Most of each in one request, as MLflow limits them. */
export const tagsField = z.array(tagText).max(100).default([]);
export const paramsField = z.array(paramText).max(100).default([]);
export const metricsField = z.array(metric).max(1_000).default([]);
const link = z.record(z.string(), z.unknown());
export const linksField = z.array(link).max(100).default([]);

/** Runs are named by `run_id`; older clients send only `run_uuid`. */
export const runFields = {
  run_id: trackedRunId.optional(),
  run_uuid: trackedRunId.optional(),
};

/** @throws InvalidInput when neither is given */
export function readRunId(given: {
  readonly run_id?: string | undefined;
  readonly run_uuid?: string | undefined;
}): string {
  const id = given.run_id ?? given.run_uuid;
  if (id !== undefined) return id;
  throw failure('InvalidInput', 'run_id is missing', { next: 'send the id of a run' });
}

export const runStatus = z.enum(trackedRunStatuses);
export const modelStatus = z.enum(loggedModelStatuses);
export const milliseconds = whole.min(0);

const viewTypes = {
  ACTIVE_ONLY: ['active'],
  DELETED_ONLY: ['deleted'],
  ALL: ['active', 'deleted'],
} as const satisfies Record<string, readonly TrackingStage[]>;
export const viewType = z
  .enum(['ACTIVE_ONLY', 'DELETED_ONLY', 'ALL'])
  .default('ACTIVE_ONLY')
  .transform((view) => viewTypes[view]);
export const maxResults = whole.min(1).max(50_000).default(1_000);
/** The number of rows before the page. */
export const pageToken = z
  .string()
  .regex(/^\d{0,8}$/)
  .default('')
  .transform((token) => Number(token));
export const filterField = z.string().max(6_000).default('');
export const orderField = z.array(z.string().max(500)).max(20).default([]);

export function toTexts(items: readonly { readonly key: string; readonly value: string }[]) {
  return Object.fromEntries(items.map(({ key: name, value }) => [name, value]));
}

export function toMetricPoint({
  key: name,
  value,
  timestamp,
  step,
}: z.output<typeof metric>): MetricPoint {
  return { key: name, value, timestampMs: timestamp, step };
}

export function experimentJson(experiment: Experiment) {
  const { id, name, stage, tags, createdAtMs, updatedAtMs } = experiment;
  return {
    experiment_id: id,
    name,
    artifact_location: experimentArtifactUri(experiment),
    lifecycle_stage: stage,
    creation_time: createdAtMs,
    last_update_time: updatedAtMs,
    tags: toList(tags),
  };
}

export function runInfoJson(run: TrackedRun) {
  const { id, name, experimentId: of, userId, status, startTimeMs, endTimeMs, stage } = run;
  return {
    run_id: id,
    run_uuid: id,
    run_name: name,
    experiment_id: of,
    user_id: userId,
    status,
    start_time: startTimeMs,
    ...(endTimeMs === null ? {} : { end_time: endTimeMs }),
    artifact_uri: runArtifactUri(run),
    lifecycle_stage: stage,
  };
}

export function trackedRunJson(run: TrackedRun) {
  const { metrics, params, tags, datasetInputs, modelInputs, modelOutputs } = run;
  return {
    info: runInfoJson(run),
    data: {
      metrics: Object.values(metrics).map(pointJson),
      params: toList(params),
      tags: toList(tags),
    },
    inputs: { dataset_inputs: datasetInputs, model_inputs: modelInputs },
    outputs: { model_outputs: modelOutputs },
  };
}

export function pointJson({ key: name, value, timestampMs, step }: MetricPoint) {
  return {
    key: name,
    value: Number.isFinite(value) ? value : String(value),
    timestamp: timestampMs,
    step,
  };
}

export function loggedModelJson(model: LoggedModel) {
  const { id, experimentId: of, sourceRunId, name, type, status, params, tags } = model;
  return {
    info: {
      model_id: id,
      experiment_id: of,
      name,
      creation_timestamp_ms: model.createdAtMs,
      last_updated_timestamp_ms: model.updatedAtMs,
      artifact_uri: modelArtifactUri(model),
      status,
      ...(type === null ? {} : { model_type: type }),
      ...(sourceRunId === null ? {} : { source_run_id: sourceRunId }),
      tags: toList(tags),
    },
    data: { params: toList(params), metrics: [] as const },
  };
}

function toList(texts: KeyedTexts) {
  return Object.entries(texts).map(([name, value]) => ({ key: name, value }));
}
