import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import type { LineageNode } from '../../../db/repositories/lineage';
import { requires } from '../auth';
import { anything, problem } from '../schemas';
import type { RouteDeps } from '../server';

const query = z.strictObject({
  /** `model:flight-delay@7`, `dataset:flights@3`, `run:run_…` */
  of: z.string(),
  direction: z.enum(['upstream', 'downstream']).default('upstream'),
});

export function lineageRoutes({ registry }: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/lineage',
      {
        preHandler: requires('viewer', registry.apiKeys),
        schema: { tags: ['lineage'], querystring: query, response: { 200: anything, default: problem } },
      },
      async (request) => {
        const node = nodeOf(request.query.of);
        return { of: node, edges: await registry.lineage.of({ tenant: request.caller.tenant, node, direction: request.query.direction }) };
      },
    );
  };
}

function nodeOf(text: string): LineageNode {
  const match = /^(dataset|run|model|deployment):([^@]+)(?:@(\d+))?$/.exec(text);
  if (!match) throw failure('InvalidInput', `of: ${text} is no node; write model:flight-delay@7, dataset:flights@3 or run:run_…`);
  const [, kind, name = '', version] = match;
  return { kind: kind as LineageNode['kind'], name, ...(version === undefined ? {} : { version: Number(version) }) };
}
