import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { RouteDeps } from '../route-deps';
import { problem } from '../fields';
import { retentionChange, retentionView } from './view';

const tags = ['platform'];

export function retentionRoutes({
  registry: { retention },
  guards: { viewer, admin },
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/retention',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show retention times',
          response: { 200: retentionView, default: problem },
        },
      },
      ({ caller: { tenant } }) => retention.get({ tenant }),
    );

    app.put(
      '/retention',
      {
        ...admin,
        schema: {
          tags,
          summary: 'Change retention times; expired data is deleted within an hour',
          body: retentionChange,
          response: { 200: retentionView, default: problem },
        },
      },
      ({ caller: { tenant, name: actor }, body }) =>
        retention.set({
          tenant,
          actor,
          settings: Object.fromEntries(
            Object.entries(body).filter(([, value]) => value !== undefined),
          ),
        }),
    );
  };
}
