import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { RouteDeps } from '../route-deps';
import { problem } from '../views/fields';
import { retentionChange, retentionView } from '../views/retention';

const tags = ['platform'];

export function retentionRoutes({ registry: { retention }, guards: { viewer, admin } }: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/retention',
      { ...viewer, schema: { tags, summary: 'How long what is kept', response: { 200: retentionView, default: problem } } },
      ({ caller: { tenant } }) => retention.get({ tenant }),
    );

    app.put(
      '/retention',
      {
        ...admin,
        schema: {
          tags,
          summary: 'Keep it longer or shorter; what is over its time goes within the hour',
          body: retentionChange,
          response: { 200: retentionView, default: problem },
        },
      },
      ({ caller: { tenant, name: actor }, body }) =>
        retention.set({ tenant, actor, settings: Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) }),
    );
  };
}
