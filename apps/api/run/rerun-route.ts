import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { computeDigest } from '../../../data/digest';
import { rerunRequestSchema } from '../../../domain/run/request.schema';
import type { RouteDeps } from '../route-deps';
import { idempotent, problem, runId } from '../fields';
import { planRerun } from './rerun';
import { findRun, startRun } from './start';
import { rerunPlan, runToJson, runView } from './view';

const params = z.object({ id: runId });
const tags = ['runs'];

export function rerunRoutes({
  registry,
  lifecycles,
  trainers,
  guards: { viewer, operator },
  log,
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      '/runs/:id/rerun/plan',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show what a rerun would change, reuse and run; nothing is started',
          params,
          body: rerunRequestSchema,
          response: { 200: rerunPlan, default: problem },
        },
      },
      async ({ caller, params: { id }, body }) => {
        const planned = await planRerun(
          { registry, trainers },
          await findRun(registry, caller, id),
          body,
        );
        const { revision, request, rerunOf, stages } = planned;
        return {
          revision: revision.revision,
          digest: revision.digest,
          request: { ...request },
          rerunOf,
          stages,
        };
      },
    );

    app.post(
      '/runs/:id/rerun',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Start a new run that reuses the earlier stages of this one',
          params,
          headers: idempotent,
          body: rerunRequestSchema,
          response: { 202: runView, default: problem },
        },
      },
      async (request, reply) => {
        const { tenant, name: actor } = request.caller;
        const original = await findRun(registry, request.caller, request.params.id);
        const planned = await planRerun({ registry, trainers }, original, request.body);
        const run = await startRun(
          { registry, lifecycles, log },
          {
            tenant,
            lifecycle: original.lifecycle,
            revisionDigest: planned.revision.digest,
            request: planned.request,
            rerunOf: planned.rerunOf,
            actor,
            traceId: request.traceId,
            idempotencyKey: request.headers['idempotency-key'],
            requestDigest: computeDigest({ rerun: original.id, body: request.body }),
          },
        );
        return reply
          .status(202)
          .header('location', `/api/v1/runs/${run.id}`)
          .send(runToJson(run, lifecycles));
      },
    );
  };
}
