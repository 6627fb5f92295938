import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { computeDigest } from '../../../data/digest';
import { runRequestSchema } from '../../../domain/run/request.schema';
import { findLifecycle } from './find';
import type { RouteDeps } from '../route-deps';
import { idempotent, name, problem } from '../fields';
import { checkRunRequest, refuseLooserReuse, rerunOfRequest } from '../run/request';
import { startRun } from '../run/start';
import { runToJson, runView } from '../run/view';

const params = z.object({ name });

export function startRunRoutes({
  registry,
  lifecycles,
  trainers,
  guards: { operator },
  log,
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      '/lifecycles/:name/runs',
      {
        ...operator,
        schema: {
          tags: ['runs'],
          summary: 'Start a run',
          params,
          headers: idempotent,
          body: runRequestSchema,
          response: { 202: runView, default: problem },
        },
      },
      async (request, reply) => {
        const { tenant, name: actor } = request.caller;
        const { params: of, body } = request;
        const lifecycle = await findLifecycle(registry, { tenant, name: of.name });
        await checkRunRequest({ registry, trainers }, { tenant, lifecycle, request: body });
        await refuseLooserReuse(registry, { tenant, inForce: lifecycle, reuseRun: body.reuseRun });
        const run = await startRun(
          { registry, lifecycles, log },
          {
            tenant,
            lifecycle: lifecycle.lifecycle,
            revisionDigest: lifecycle.digest,
            request: body,
            rerunOf: await rerunOfRequest(registry, { tenant, lifecycle, request: body }),
            actor,
            traceId: request.traceId,
            idempotencyKey: request.headers['idempotency-key'],
            requestDigest: computeDigest({ lifecycle: of.name, body }),
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
