import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { noLoggedModel } from '../../../db/tracking/model-repository';
import { parseFilter, parseOrder } from '../../../domain/tracking/search';
import type { RouteDeps } from '../route-deps';
import { nextPage } from './run-route';
import {
  experimentId,
  filterField,
  loggedModelId,
  loggedModelJson,
  maxResults,
  modelStatus,
  pageToken,
  paramsField,
  tagsField,
  toTexts,
  trackedRunId,
} from './wire';

const params = z.object({ id: loggedModelId });
const create = z.looseObject({
  experiment_id: experimentId,
  name: z.string().max(500).default(''),
  model_type: z.string().max(250).nullish(),
  source_run_id: trackedRunId.nullish(),
  params: paramsField,
  tags: tagsField,
});
const search = z.looseObject({
  experiment_ids: z.array(experimentId).max(500).default([]),
  filter: filterField,
  max_results: maxResults,
  page_token: pageToken,
  order_by: z
    .array(z.looseObject({ field_name: z.string().max(500), ascending: z.boolean().default(true) }))
    .max(20)
    .default([]),
});

export function loggedModelRoutes({
  registry: { loggedModels },
  guards: { viewer, operator },
}: Pick<RouteDeps, 'registry' | 'guards'>): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      '/mlflow/logged-models',
      { ...operator, schema: { body: create } },
      async ({ caller: { tenant }, body }) => {
        const model = await loggedModels.create({
          tenant,
          experimentId: body.experiment_id,
          sourceRunId: body.source_run_id ?? null,
          name: body.name === '' ? 'model' : body.name,
          type: body.model_type ?? null,
          params: toTexts(body.params),
          tags: toTexts(body.tags),
        });
        return { model: loggedModelJson(model) };
      },
    );

    app.get(
      '/mlflow/logged-models/:id',
      { ...viewer, schema: { params } },
      async ({ caller: { tenant }, params: { id } }) => {
        const model = await loggedModels.get({ tenant, id });
        if (model === null) throw noLoggedModel(id);
        return { model: loggedModelJson(model) };
      },
    );

    app.patch(
      '/mlflow/logged-models/:id',
      { ...operator, schema: { params, body: z.looseObject({ status: modelStatus }) } },
      async ({ caller: { tenant }, params: { id }, body: { status } }) => ({
        model: loggedModelJson(await loggedModels.change({ tenant, id, status })),
      }),
    );

    app.delete(
      '/mlflow/logged-models/:id',
      { ...operator, schema: { params } },
      async ({ caller: { tenant }, params: { id } }) => {
        await loggedModels.delete({ tenant, id });
        return {};
      },
    );

    app.patch(
      '/mlflow/logged-models/:id/tags',
      { ...operator, schema: { params, body: z.looseObject({ tags: tagsField }) } },
      async ({ caller: { tenant }, params: { id }, body: { tags } }) => ({
        model: loggedModelJson(await loggedModels.change({ tenant, id, tags: toTexts(tags) })),
      }),
    );

    app.delete(
      '/mlflow/logged-models/:id/tags/:key',
      { ...operator, schema: { params: params.extend({ key: z.string().min(1).max(250) }) } },
      async ({ caller: { tenant }, params: { id, key } }) => {
        await loggedModels.change({ tenant, id, removeTag: key });
        return {};
      },
    );

    app.post(
      '/mlflow/logged-models/:id/params',
      { ...operator, schema: { params, body: z.looseObject({ params: paramsField }) } },
      async ({ caller: { tenant }, params: { id }, body }) => {
        await loggedModels.change({ tenant, id, params: toTexts(body.params) });
        return {};
      },
    );

    app.post(
      '/mlflow/logged-models/search',
      { ...viewer, schema: { body: search } },
      async ({ caller: { tenant }, body }) => {
        const { items, nextPageToken } = await loggedModels.search({
          tenant,
          experimentIds: body.experiment_ids,
          terms: parseFilter(body.filter),
          order: body.order_by.map(({ field_name: field, ascending }) =>
            parseOrder(`${field} ${ascending ? 'ASC' : 'DESC'}`),
          ),
          pageSize: body.max_results,
          offset: body.page_token,
        });
        return { models: items.map(loggedModelJson), ...nextPage(nextPageToken) };
      },
    );
  };
}
