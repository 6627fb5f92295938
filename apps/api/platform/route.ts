import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { platformParts } from './platform';
import type { RouteDeps } from '../route-deps';
import { problem } from '../fields';
import { platformView } from './view';
import { trainerView } from '../training/view';

export function platformRoutes({
  registry,
  artifacts,
  lifecycles,
  knownModels,
  trainers,
  guards: { viewer },
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/platform',
      {
        ...viewer,
        schema: {
          tags: ['platform'],
          summary: 'Show the caller’s key and the status of each part of the platform',
          response: { 200: platformView, default: problem },
        },
      },
      async ({ caller: { tenant, name, scope, expiresAt } }) => ({
        caller: { tenant, name, scope, expiresAt },
        parts: await platformParts({ registry, artifacts, lifecycles, knownModels }, tenant),
      }),
    );

    app.get(
      '/trainers',
      {
        ...viewer,
        schema: {
          tags: ['platform'],
          summary: 'List trainers with their parameters',
          response: { 200: z.object({ items: z.array(trainerView).readonly() }), default: problem },
        },
      },
      () => ({ items: trainers.list() }),
    );
  };
}
