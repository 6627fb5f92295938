import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { apiKeyScopes } from '../../../db/repositories/api-keys';
import { requires } from '../auth';
import { anything, page, pageOf, problem, time } from '../schemas';
import type { RouteDeps } from '../server';

const params = z.object({ id: z.string() });

export function apiKeyRoutes({ registry }: RouteDeps): FastifyPluginAsyncZod {
  const admin = requires('admin', registry.apiKeys);
  const tags = ['api-keys'];
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/api-keys',
      { preHandler: admin, schema: { tags, querystring: page, response: { 200: pageOf(anything), default: problem } } },
      (request) => registry.apiKeys.list({ tenant: request.caller.tenant, ...request.query }),
    );
    app.post(
      '/api-keys',
      {
        preHandler: admin,
        schema: {
          tags,
          summary: 'The key is shown once',
          body: z.strictObject({ name: z.string().min(1).max(100), scope: z.enum(apiKeyScopes), expiresAt: time.optional() }),
          response: { 201: anything, default: problem },
        },
      },
      async (request, reply) => {
        const { tenant, name: actor } = request.caller;
        return reply.status(201).send(await registry.apiKeys.create({ tenant, actor, ...request.body }));
      },
    );
    app.post(
      '/api-keys/:id/revoke',
      { preHandler: admin, schema: { tags, params, response: { 200: anything, default: problem } } },
      (request) => registry.apiKeys.revoke({ tenant: request.caller.tenant, id: request.params.id, actor: request.caller.name }),
    );
    app.post(
      '/api-keys/:id/rotate',
      {
        preHandler: admin,
        schema: {
          tags,
          params,
          body: z
            .strictObject({
              overlapSeconds: z
                .number()
                .int()
                .min(0)
                .max(30 * 86_400)
                .default(3600),
            })
            .default({ overlapSeconds: 3600 }),
          response: { 200: anything, default: problem },
        },
      },
      (request) =>
        registry.apiKeys.rotate({ tenant: request.caller.tenant, id: request.params.id, actor: request.caller.name, ...request.body }),
    );
  };
}
