import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import { parseFilter, parseOrder } from '../../../domain/tracking/search';
import type { Experiment } from '../../../domain/tracking/tracking';
import type { RouteDeps } from '../route-deps';
import { nextPage } from './run-route';
import {
  experimentId,
  experimentJson,
  filterField,
  maxResults,
  orderField,
  pageToken,
  tagsField,
  tagText,
  toTexts,
  viewType,
} from './wire';

const experimentName = z.string().trim().min(1).max(500);
const of = z.looseObject({ experiment_id: experimentId });
const search = z.looseObject({
  view_type: viewType,
  max_results: maxResults,
  filter: filterField,
  order_by: z.union([orderField, z.string().transform((one) => [one])]).default([]),
  page_token: pageToken,
});

export function experimentRoutes({
  registry: { experiments },
  guards: { viewer, operator },
}: Pick<RouteDeps, 'registry' | 'guards'>): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      '/mlflow/experiments/create',
      { ...operator, schema: { body: z.looseObject({ name: experimentName, tags: tagsField }) } },
      async ({ caller: { tenant, name: actor }, body }) => {
        const { name, tags } = body;
        const { id } = await experiments.create({ tenant, actor, name, tags: toTexts(tags) });
        return { experiment_id: id };
      },
    );

    app.get(
      '/mlflow/experiments/get',
      { ...viewer, schema: { querystring: of } },
      async ({ caller: { tenant }, query: { experiment_id: id } }) =>
        requireExperiment(await experiments.get({ tenant, id }), id),
    );

    app.get(
      '/mlflow/experiments/get-by-name',
      { ...viewer, schema: { querystring: z.looseObject({ experiment_name: experimentName }) } },
      async ({ caller: { tenant }, query: { experiment_name: name } }) =>
        requireExperiment(await experiments.named({ tenant, name }), JSON.stringify(name)),
    );

    const searchExperiments = async (
      tenant: Parameters<typeof experiments.search>[0]['tenant'],
      asked: z.output<typeof search>,
    ) => {
      const { items, nextPageToken } = await experiments.search({
        tenant,
        stages: asked.view_type,
        terms: parseFilter(asked.filter),
        order: asked.order_by.map(parseOrder),
        pageSize: asked.max_results,
        offset: asked.page_token,
      });
      return {
        experiments: items.map(experimentJson),
        ...nextPage(nextPageToken),
      };
    };
    app.post(
      '/mlflow/experiments/search',
      { ...viewer, schema: { body: search } },
      ({ caller, body }) => searchExperiments(caller.tenant, body),
    );
    app.get(
      '/mlflow/experiments/search',
      { ...viewer, schema: { querystring: search } },
      ({ caller, query }) => searchExperiments(caller.tenant, query),
    );

    for (const [verb, stage] of [
      ['delete', 'deleted'],
      ['restore', 'active'],
    ] as const)
      app.post(
        `/mlflow/experiments/${verb}`,
        { ...operator, schema: { body: of } },
        async ({ caller: { tenant, name: actor }, body: { experiment_id: id } }) => {
          await experiments.change({ tenant, id, stage, actor });
          return {};
        },
      );

    app.post(
      '/mlflow/experiments/update',
      { ...operator, schema: { body: of.extend({ new_name: experimentName }) } },
      async ({ caller: { tenant, name: actor }, body: { experiment_id: id, new_name: name } }) => {
        await experiments.change({ tenant, id, name, actor });
        return {};
      },
    );

    app.post(
      '/mlflow/experiments/set-experiment-tag',
      { ...operator, schema: { body: tagText.extend(of.shape) } },
      async ({ caller: { tenant }, body: { experiment_id: id, key, value } }) => {
        await experiments.tag({ tenant, id, key, value });
        return {};
      },
    );

    app.post(
      '/mlflow/experiments/delete-experiment-tag',
      { ...operator, schema: { body: of.extend({ key: z.string().min(1).max(250) }) } },
      async ({ caller: { tenant }, body: { experiment_id: id, key } }) => {
        await experiments.tag({ tenant, id, key, value: null });
        return {};
      },
    );
  };
}

function requireExperiment(experiment: Experiment | null, what: string) {
  if (experiment === null)
    throw failure('NotFound', `there is no experiment ${what}`, {
      next: 'perennial experiment list',
    });
  return { experiment: experimentJson(experiment) };
}
