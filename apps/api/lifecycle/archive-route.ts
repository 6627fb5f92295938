import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { updateSchedule } from './update-schedule';
import type { RouteDeps } from '../route-deps';
import { name, problem, why } from '../fields';
import { lifecycleArchive } from './view';

const params = z.object({ name });
const reasoned = z.strictObject({ reason: why });
const tags = ['lifecycles'];
const archiveSummaries = {
  archive: 'Archive a lifecycle: no new runs, no schedule; its champion continues to serve',
  unarchive: 'Restore an archived lifecycle: runs are accepted again and its schedule returns',
} as const;

export function lifecycleArchiveRoutes({
  registry,
  schedules,
  guards: { operator, admin },
  log,
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    for (const action of ['archive', 'unarchive'] as const) {
      app.post(
        `/lifecycles/:name/${action}`,
        {
          ...operator,
          schema: {
            tags,
            summary: archiveSummaries[action],
            params,
            body: reasoned,
            response: { 200: lifecycleArchive, default: problem },
          },
        },
        async ({ caller: { tenant, name: actor }, params: { name: of }, body: { reason } }) => {
          const archive = await registry.lifecycles[action]({ tenant, name: of, actor, reason });
          await updateSchedule({ registry, schedules, log }, { tenant, lifecycle: of });
          return archive;
        },
      );
    }

    app.post(
      '/lifecycles/:name/delete',
      {
        ...admin,
        schema: {
          tags,
          summary:
            'Delete an archived lifecycle without open runs or a champion; its records are kept',
          params,
          body: reasoned.extend({
            stopServing: z
              .boolean()
              .default(false)
              .describe('withdraws the champion: requests for the model are then answered 404'),
          }),
          response: { 200: lifecycleArchive, default: problem },
        },
      },
      async ({ caller: { tenant, name: actor }, params: { name: of }, body }) => {
        const deleted = await registry.lifecycles.delete({ tenant, name: of, actor, ...body });
        await updateSchedule({ registry, schedules, log }, { tenant, lifecycle: of });
        return deleted;
      },
    );
  };
}
