import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { isPlatformAdmin } from '../../../db/access/repository';
import { platformAdminsOnly } from '../auth';
import { problem } from '../fields';
import type { RouteDeps } from '../route-deps';
import { costQuery, costReport, llmSpendQuery, llmSpendReport } from './view';

const defaultDays = 30;
const dayMilliseconds = 86_400_000;

export function costRoutes({
  registry: { costs, llmCalls },
  guards: { viewer },
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
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

    app.get(
      '/llm-costs',
      {
        ...viewer,
        schema: {
          tags: ['platform'],
          summary: 'Show what requests to language models cost, by provider or by scope',
          querystring: llmSpendQuery,
          response: { 200: llmSpendReport, default: problem },
        },
      },
      async ({ caller: { tenant }, query: { from, ...query } }) => ({
        items: await llmCalls.spend({
          tenant,
          ...query,
          from: from ?? new Date(Date.now() - defaultDays * dayMilliseconds).toISOString(),
        }),
      }),
    );
  };
}
