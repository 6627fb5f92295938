import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { isPlatformAdmin, platformAdminsOnly } from '../auth';
import { problem } from '../fields';
import type { RouteDeps } from '../route-deps';
import { costQuery, costReport } from './view';

export function costRoutes({
  registry: { costs },
  guards: { viewer },
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/costs',
      {
        ...viewer,
        schema: {
          tags: ['platform'],
          summary: 'Show what jobs reserved and used, in CPU-hours and US dollars',
          querystring: costQuery,
          response: { 200: costReport, default: problem },
        },
      },
      async ({ caller, query }) => {
        const isOfAll = query.by === 'tenant';
        if (isOfAll && !isPlatformAdmin(caller)) throw platformAdminsOnly(caller);
        return costs.report({ ...query, tenant: isOfAll ? null : caller.tenant });
      },
    );
  };
}
