import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { planLifecycle } from '../../../domain/lifecycle-plan';
import { runRequestSchema } from '../../../domain/run-request.schema';
import { digestOf } from '../../../data/digest';
import { failure } from '../../../domain/failure';
import { requires } from '../auth';
import { readRevision, storeRevision } from '../lifecycle-revision';
import { checkRunRequest } from '../run-request';
import { runToJson, startRun } from '../run-start';
import { anything, name, page, pageOf, problem, runView } from '../schemas';
import type { RouteDeps } from '../server';

const largestFile = 1 << 20;

const document = z.strictObject({
  /** The lifecycle file's text, or the same as an object. */
  document: z.union([z.string().max(largestFile), z.record(z.string(), z.unknown())]),
  /** For messages. */
  fileName: z.string().max(255).default('lifecycle.yaml'),
  /** The files that the spec names, path → text. */
  files: z.record(z.string(), z.string().max(largestFile)).default({}),
  /** Where it lies at the caller's: relative file:// sources are read against it. */
  folder: z.string().nullable().default(null),
});

const params = z.object({ name });

export function lifecycleRoutes(deps: RouteDeps): FastifyPluginAsyncZod {
  const { registry } = deps;
  const viewer = requires('viewer', registry.apiKeys);
  const operator = requires('operator', registry.apiKeys);
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/lifecycles',
      { preHandler: viewer, schema: { tags: ['lifecycles'], querystring: page, response: { 200: pageOf(anything), default: problem } } },
      (request) => registry.lifecycles.list({ tenant: request.caller.tenant, ...request.query }),
    );

    app.get(
      '/lifecycles/:name',
      { preHandler: viewer, schema: { tags: ['lifecycles'], params, response: { 200: anything, default: problem } } },
      async (request) => {
        return found(await registry.lifecycles.get({ tenant: request.caller.tenant, name: request.params.name }), request.params.name);
      },
    );

    app.put(
      '/lifecycles/:name',
      {
        preHandler: operator,
        schema: { tags: ['lifecycles'], summary: 'Apply a spec', params, body: document, response: { 200: anything, default: problem } },
      },
      async (request) => {
        const { tenant, name: actor } = request.caller;
        const revision = readRevision(deps.trainers, { ...request.body, name: request.params.name });
        const stored = await storeRevision(deps.artifacts, tenant, revision);
        const applied = await registry.lifecycles.apply({ tenant, revision: stored, actor });
        return {
          lifecycle: request.params.name,
          revision: applied.revision.revision,
          digest: applied.revision.digest,
          changed: applied.changed,
        };
      },
    );

    app.post(
      '/lifecycles/:name/plan',
      {
        preHandler: viewer,
        schema: {
          tags: ['lifecycles'],
          summary: 'What applying would change',
          params,
          body: document,
          response: { 200: anything, default: problem },
        },
      },
      async (request) => {
        const { tenant } = request.caller;
        const revision = readRevision(deps.trainers, { ...request.body, name: request.params.name });
        const current = await registry.lifecycles.get({ tenant, name: request.params.name });
        return planLifecycle(current, revision);
      },
    );

    app.post(
      '/lifecycles/:name/runs',
      {
        preHandler: operator,
        schema: {
          tags: ['runs'],
          summary: 'Start a run',
          params,
          headers: z.looseObject({ 'idempotency-key': z.string().min(1).max(255).optional() }),
          body: runRequestSchema,
          response: { 202: runView, default: problem },
        },
      },
      async (request, reply) => {
        const { tenant, name: actor } = request.caller;
        const lifecycle = found(await registry.lifecycles.get({ tenant, name: request.params.name }), request.params.name);
        await checkRunRequest(deps, { tenant, lifecycle, request: request.body });
        const { run } = await startRun(deps, {
          tenant,
          lifecycle: lifecycle.lifecycle,
          revisionDigest: lifecycle.digest,
          request: request.body,
          actor,
          traceId: request.traceId,
          idempotencyKey: request.headers['idempotency-key'],
          requestDigest: digestOf({ lifecycle: request.params.name, body: request.body }),
        });
        const location = `/api/v1/runs/${run.id}`;
        return reply.status(202).header('location', location).send(runToJson(run, deps.lifecycles));
      },
    );
  };
}

function found<T>(lifecycle: T | null, name: string): T {
  if (lifecycle === null) throw failure('NotFound', `no lifecycle ${name}`, { next: 'perennial lifecycle apply <folder>' });
  return lifecycle;
}
