import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import { name, page, pageSchema, problem } from '../fields';
import type { RouteDeps } from '../route-deps';
import { monitorSummary, monitorSummaryToJson, monitorToJson, monitorView } from './view';

const tags = ['monitors'];
const hoursOfWeek = 168;

export function monitorRoutes({ registry, guards }: RouteDeps): FastifyPluginAsyncZod {
  const { viewer } = guards;
  return async (app) => {
    app.get(
      '/monitors',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List the monitors of champions',
          querystring: page,
          response: { 200: pageSchema(monitorSummary), default: problem },
        },
      },
      async ({ caller: { tenant }, query }) => {
        const { items, nextPageToken } = await registry.monitors.list({ tenant, ...query });
        const shown = items.map(async (each) => {
          const hasAlarms = (each.results?.alarms.length ?? 0) > 0;
          const { model } = each;
          return monitorSummaryToJson(
            each,
            hasAlarms ? await readOutlook({ tenant, model }) : null,
          );
        });
        return { items: await Promise.all(shown), nextPageToken };
      },
    );

    app.get(
      '/monitors/:model',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show drift, live quality, service and alarms of a champion',
          params: z.object({ model: name }),
          response: { 200: monitorView, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { model } }) => {
        const monitor = await registry.monitors.get({ tenant, model });
        if (monitor === null) throw await noMonitor({ tenant, model });
        const { version } = monitor;
        const [windows, contradicted, outlook] = await Promise.all([
          registry.monitors.windows({ tenant, model, version, limit: hoursOfWeek }),
          registry.monitors.contradictedLabels(monitor),
          readOutlook({ tenant, model }),
        ]);
        return monitorToJson(monitor, { windows, contradicted, outlook });
      },
    );
  };

  function readOutlook({ tenant, model }: { readonly tenant: Tenant; readonly model: string }) {
    return registry.retrainings.outlook({ tenant, lifecycle: model });
  }

  async function noMonitor({ tenant, model }: { readonly tenant: Tenant; readonly model: string }) {
    const { champion } = await registry.aliases.get({ tenant, model });
    return champion === null
      ? failure('NotFound', `${model} has no champion, so it has no monitor`, {
          next: `perennial run start ${model}`,
        })
      : failure('NotFound', `the monitor of ${model}@${champion.version} has not started yet`, {
          next: 'repeat this in some seconds; if it stays, perennial doctor',
        });
  }
}
