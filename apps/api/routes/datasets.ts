import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import { requires } from '../auth';
import { anything, page, pageOf, problem, version } from '../schemas';
import type { RouteDeps } from '../server';

const dataset = z.object({ dataset: z.string().min(1).max(200) });

export function datasetRoutes({ registry }: RouteDeps): FastifyPluginAsyncZod {
  const viewer = requires('viewer', registry.apiKeys);
  const tags = ['datasets'];
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/datasets',
      { preHandler: viewer, schema: { tags, querystring: page, response: { 200: pageOf(anything), default: problem } } },
      (request) => registry.datasets.list({ tenant: request.caller.tenant, ...request.query }),
    );
    app.get(
      '/datasets/:dataset/versions',
      { preHandler: viewer, schema: { tags, params: dataset, querystring: page, response: { 200: pageOf(anything), default: problem } } },
      (request) => registry.datasets.versions({ tenant: request.caller.tenant, ...request.params, ...request.query }),
    );
    app.get(
      '/datasets/:dataset/versions/:version',
      { preHandler: viewer, schema: { tags, params: dataset.extend({ version }), response: { 200: anything, default: problem } } },
      async (request) => {
        const found = await registry.datasets.get({ tenant: request.caller.tenant, ...request.params });
        if (!found) throw failure('NotFound', `no dataset version ${request.params.dataset}@${request.params.version}`);
        return found;
      },
    );
    app.get(
      '/datasets/:dataset/quarantine',
      { preHandler: viewer, schema: { tags, params: dataset, querystring: page, response: { 200: pageOf(anything), default: problem } } },
      (request) => registry.datasets.quarantine.list({ tenant: request.caller.tenant, ...request.params, ...request.query }),
    );
  };
}
