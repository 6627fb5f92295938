import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { problem, runId } from '../fields';
import type { RouteDeps } from '../route-deps';
import { findRun } from './start';

const runHistory = z
  .object({
    workflowId: z.string(),
    history: z
      .record(z.string(), z.unknown())
      .describe("events of the run's newest execution, as Temporal's own tools write them"),
  })
  .meta({ id: 'RunHistory' });

export function runHistoryRoutes({
  registry,
  lifecycles,
  heavyWork,
  guards: { admin },
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/runs/:id/history',
      {
        ...admin,
        schema: {
          tags: ['runs'],
          summary: 'Read the Temporal history of a run, to replay it with other code',
          params: z.object({ id: runId }),
          response: { 200: runHistory, default: problem },
        },
      },
      async ({ caller, params: { id } }) => {
        const { tenant, workflowId } = await findRun(registry, caller, id);
        // First, so that no history is sent without an entry.
        await registry.commands.audit({
          tenant,
          actor: caller.name,
          action: 'run.readHistory',
          subject: `run:${id}`,
          cause: 'requested',
        });
        return heavyWork.run(caller, async () => ({
          workflowId,
          history: await lifecycles.history(workflowId),
        }));
      },
    );
  };
}
