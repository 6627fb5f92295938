import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import { deliveryStatuses } from '../../../domain/notification/notification';
import { maskedAddress } from '../../../domain/notification/webhook-address';
import { allows } from '../../../db/access/repository';
import type { RouteDeps } from '../route-deps';
import { name, page, pageSchema, problem } from '../fields';
import { deliveryView } from './view';

const tags = ['webhooks'];
const query = page.extend({ status: z.enum(deliveryStatuses).optional() });
const again = z.strictObject({
  target: z.coerce
    .number()
    .int()
    .min(1)
    .max(20)
    .optional()
    .describe('one of its targets; default: all'),
});

export function webhookRoutes({ registry, guards }: RouteDeps): FastifyPluginAsyncZod {
  const { viewer, operator } = guards;
  return async (app) => {
    app.get(
      '/lifecycles/:name/deliveries',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List deliveries of notifications, newest first',
          params: z.object({ name }),
          querystring: query,
          response: { 200: pageSchema(deliveryView), default: problem },
        },
      },
      async ({ caller: { tenant, scope }, params: { name: of }, query: asked }) => {
        const shownUrl = (url: string): string =>
          allows(scope, 'operator') ? url : maskedAddress(url);
        if ((await registry.lifecycles.get({ tenant, name: of })) === null)
          throw failure('NotFound', `there is no lifecycle ${of}`, {
            next: 'perennial lifecycle list',
          });
        const { items, nextPageToken } = await registry.webhooks.list({
          tenant,
          lifecycle: of,
          ...asked,
        });
        return {
          items: items.map(({ tenant: _, secret: __, data: ___, tries: ____, url, ...shown }) => ({
            ...shown,
            url: shownUrl(url),
          })),
          nextPageToken,
        };
      },
    );

    app.post(
      '/deliveries/:id/redeliver',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Send a delivery again now',
          params: z.object({ id: z.string().regex(/^evt_[0-9a-z]{1,64}$/) }),
          querystring: again,
          response: { 202: z.object({ id: z.string() }), default: problem },
        },
      },
      async (
        { caller: { tenant, name: actor }, params: { id }, query: { target = null } },
        reply,
      ) => {
        await registry.webhooks.redeliver({ tenant, id, target, actor });
        return reply.code(202).send({ id });
      },
    );
  };
}
