import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { findLifecycle, findPending } from './find';
import { updateSchedule } from './update-schedule';
import type { RouteDeps } from '../route-deps';
import { name, problem, version, why } from '../fields';
import { lifecycleRevision } from './view';

const params = z.object({ name, revision: version });
const tags = ['lifecycles'];

/** Decide on a revision that loosens the policy. */
export function pendingRevisionRoutes({
  registry,
  artifacts,
  schedules,
  guards: { operator, approver },
  log,
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      '/lifecycles/:name/revisions/:revision/approve',
      {
        ...approver,
        schema: {
          tags,
          summary:
            'Approve a revision that waits, which may need more approvals (pending); not allowed for its author',
          params,
          body: z.strictObject({
            reason: why,
            selfApprove: z
              .boolean()
              .default(false)
              .describe('true: an admin approves their own revision; default false'),
          }),
          response: { 200: lifecycleRevision, default: problem },
        },
      },
      async ({ caller, params: { name: of, revision }, body }) => {
        const { tenant } = caller;
        const outcome = await registry.lifecycles.accept({
          tenant,
          name: of,
          revision,
          caller,
          ...body,
        });
        if (outcome.kind === 'pending') {
          const now = await findLifecycle(registry, { tenant, name: of });
          return {
            ...now,
            pending: await findPending({ registry, artifacts }, { tenant, name: of }),
            archived: null,
          };
        }
        await updateSchedule({ registry, schedules, log }, { tenant, lifecycle: of });
        return { ...outcome.revision, pending: null, archived: null };
      },
    );

    app.post(
      '/lifecycles/:name/revisions/:revision/reject',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Discard a revision that waits for an approver',
          params,
          body: z.strictObject({ reason: why }),
          response: { 200: lifecycleRevision, default: problem },
        },
      },
      async ({ caller, params: { name: of, revision }, body: { reason } }) => {
        const { tenant } = caller;
        await registry.lifecycles.reject({ tenant, name: of, revision, caller, reason });
        return {
          ...(await findLifecycle(registry, { tenant, name: of })),
          pending: null,
          archived: null,
        };
      },
    );
  };
}
