import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { requires } from '../auth';
import { anything, page, pageOf, problem } from '../schemas';
import type { RouteDeps } from '../server';

export function auditRoutes({ registry }: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/audit',
      {
        preHandler: requires('approver', registry.apiKeys),
        schema: {
          tags: ['audit'],
          querystring: page.extend({ subject: z.string().optional(), action: z.string().optional() }),
          response: { 200: pageOf(anything), default: problem },
        },
      },
      (request) => registry.audit.list({ tenant: request.caller.tenant, ...request.query }),
    );
  };
}
