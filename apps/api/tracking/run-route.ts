import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { noTrackedRun } from '../../../db/tracking/run-repository';
import type { TrackingBatch } from '../../../domain/tracking/batch';
import { parseFilter, parseOrder } from '../../../domain/tracking/search';
import type { RouteDeps } from '../route-deps';
import { tagsOfJob } from './job-scope';
import {
  experimentId,
  filterField,
  linksField,
  maxResults,
  metric,
  metricsField,
  milliseconds,
  orderField,
  pageToken,
  paramText,
  paramsField,
  pointJson,
  toMetricPoint,
  runFields,
  readRunId,
  runInfoJson,
  runStatus,
  tagsField,
  tagText,
  toTexts,
  trackedRunJson,
  viewType,
} from './wire';

const key = z.string().min(1).max(250);
const runName = z.string().max(250);
/** The client shows the name of a run from this tag. */
const nameTag = 'mlflow.runName';

const create = z.looseObject({
  experiment_id: experimentId,
  user_id: z.string().max(250).default(''),
  run_name: runName.optional(),
  start_time: milliseconds.optional(),
  tags: tagsField,
});
const update = z.looseObject({
  ...runFields,
  status: runStatus.optional(),
  end_time: milliseconds.optional(),
  run_name: runName.optional(),
});
const search = z.looseObject({
  experiment_ids: z.array(experimentId).max(500).default([]),
  filter: filterField,
  run_view_type: viewType,
  max_results: maxResults,
  order_by: orderField,
  page_token: pageToken,
});
const history = z.looseObject({
  ...runFields,
  metric_key: key,
  max_results: maxResults,
  page_token: pageToken,
});
const batch = z.looseObject({
  ...runFields,
  metrics: metricsField,
  params: paramsField,
  tags: tagsField,
});
const inputs = z.looseObject({ ...runFields, datasets: linksField, models: linksField });
const outputs = z.looseObject({ ...runFields, models: linksField });

export function trackedRunRoutes({
  registry: { trackedRuns },
  guards: { viewer, operator },
}: Pick<RouteDeps, 'registry' | 'guards'>): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      '/mlflow/runs/create',
      { ...operator, schema: { body: create } },
      async ({ caller, jobOf, body }) => {
        const tags = { ...toTexts(body.tags), ...tagsOfJob(jobOf) };
        const name = body.run_name ?? tags[nameTag] ?? '';
        const run = await trackedRuns.create({
          tenant: caller.tenant,
          experimentId: body.experiment_id,
          userId: body.user_id,
          name,
          startTimeMs: body.start_time ?? Date.now(),
          tags: name === '' ? tags : { ...tags, [nameTag]: name },
        });
        return { run: trackedRunJson(run) };
      },
    );

    app.get(
      '/mlflow/runs/get',
      { ...viewer, schema: { querystring: z.looseObject(runFields) } },
      async ({ caller: { tenant }, query }) => {
        const id = readRunId(query);
        const run = await trackedRuns.get({ tenant, id });
        if (run === null) throw noTrackedRun(id);
        return { run: trackedRunJson(run) };
      },
    );

    app.post(
      '/mlflow/runs/update',
      { ...operator, schema: { body: update } },
      async ({ caller: { tenant }, body }) => {
        const { status, end_time: endTimeMs, run_name: name } = body;
        const id = readRunId(body);
        const run = await trackedRuns.update({ tenant, id, status, endTimeMs, name });
        if (name !== undefined)
          await trackedRuns.log({ tenant, id, batch: { tags: { [nameTag]: name } } });
        return { run_info: runInfoJson(run) };
      },
    );

    for (const [verb, stage] of [
      ['delete', 'deleted'],
      ['restore', 'active'],
    ] as const)
      app.post(
        `/mlflow/runs/${verb}`,
        { ...operator, schema: { body: z.looseObject(runFields) } },
        async ({ caller: { tenant, name: actor }, body }) => {
          await trackedRuns.setStage({ tenant, id: readRunId(body), stage, actor });
          return {};
        },
      );

    app.post(
      '/mlflow/runs/delete-tag',
      { ...operator, schema: { body: z.looseObject({ ...runFields, key }) } },
      async ({ caller: { tenant }, body }) => {
        await trackedRuns.removeTag({ tenant, id: readRunId(body), key: body.key });
        return {};
      },
    );

    app.post(
      '/mlflow/runs/search',
      { ...viewer, schema: { body: search } },
      async ({ caller: { tenant }, body }) => {
        const { items, nextPageToken } = await trackedRuns.search({
          tenant,
          experimentIds: body.experiment_ids,
          stages: body.run_view_type,
          terms: parseFilter(body.filter),
          order: body.order_by.map(parseOrder),
          pageSize: body.max_results,
          offset: body.page_token,
        });
        return { runs: items.map(trackedRunJson), ...nextPage(nextPageToken) };
      },
    );

    app.get(
      '/mlflow/metrics/get-history',
      { ...viewer, schema: { querystring: history } },
      async ({ caller: { tenant }, query }) => {
        const { items, nextPageToken } = await trackedRuns.history({
          tenant,
          id: readRunId(query),
          key: query.metric_key,
          pageSize: query.max_results,
          offset: query.page_token,
        });
        return { metrics: items.map(pointJson), ...nextPage(nextPageToken) };
      },
    );

    const logs = <Body extends z.ZodType<Parameters<typeof readRunId>[0]>>(
      path: string,
      body: Body,
      batchOf: (given: z.output<Body>) => TrackingBatch,
    ) => {
      app.post(
        `/mlflow/runs/${path}`,
        { ...operator, schema: { body } },
        async ({ caller: { tenant }, body: given }) => {
          const sent = given as z.output<Body>;
          await trackedRuns.log({ tenant, id: readRunId(sent), batch: batchOf(sent) });
          return {};
        },
      );
    };
    logs('log-metric', metric.extend(runFields), (point) => ({ metrics: [toMetricPoint(point)] }));
    logs('log-parameter', paramText.extend(runFields), (param) => ({ params: toTexts([param]) }));
    logs('set-tag', tagText.extend(runFields), (tag) => ({ tags: toTexts([tag]) }));
    logs('log-batch', batch, ({ metrics, params, tags }) => ({
      metrics: metrics.map(toMetricPoint),
      params: toTexts(params),
      tags: toTexts(tags),
    }));
    logs('log-inputs', inputs, ({ datasets, models }) => ({
      datasetInputs: datasets,
      modelInputs: models,
    }));
    logs('outputs', outputs, ({ models }) => ({ modelOutputs: models }));
  };
}

/** MLflow leaves the token out on the last page. */
export function nextPage(token: string | null): { readonly next_page_token?: string } {
  return token === null ? {} : { next_page_token: token };
}
