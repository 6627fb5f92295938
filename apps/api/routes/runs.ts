import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { RunId } from '../../../domain/ids';
import { failure } from '../../../domain/failure';
import { isFinal, modelStages, runStatuses } from '../../../domain/run';
import { digestOf } from '../../../data/digest';
import { requires } from '../auth';
import { compareRuns } from '../run-compare';
import { streamRunEvents } from '../run-events';
import { checkRunRequest } from '../run-request';
import { findRun, runToJson, stageToJson, startRun } from '../run-start';
import { readLogs } from '../run-logs';
import { anything, name, page, pageOf, problem, runId, runView, runWithStages } from '../schemas';
import type { RouteDeps } from '../server';

const params = z.object({ id: runId });
const command = z.strictObject({ reason: z.string().max(1000).optional() }).default({});
const vote = z.strictObject({ comment: z.string().max(1000).optional() }).default({});
const rerun = z.strictObject({ fromStage: z.enum(modelStages), reason: z.string().max(1000).optional() });

export function runRoutes(deps: RouteDeps): FastifyPluginAsyncZod {
  const { registry, lifecycles } = deps;
  const viewer = requires('viewer', registry.apiKeys);
  const operator = requires('operator', registry.apiKeys);
  const approver = requires('approver', registry.apiKeys);
  const tags = ['runs'];
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/runs',
      {
        preHandler: viewer,
        schema: {
          tags,
          querystring: page.extend({ lifecycle: name.optional(), status: z.enum(runStatuses).optional() }),
          response: { 200: pageOf(runView), default: problem },
        },
      },
      async (request) => {
        const { items, nextPageToken } = await registry.runs.list({ tenant: request.caller.tenant, ...request.query });
        return { items: items.map((run) => runToJson(run, lifecycles)), nextPageToken };
      },
    );

    app.get(
      '/runs/compare',
      { preHandler: viewer, schema: { tags, querystring: z.object({ ids: z.string() }), response: { 200: anything, default: problem } } },
      async (request) => {
        const ids = request.query.ids.split(',').filter((id) => id !== '');
        if (ids.length < 2 || ids.length > 20) throw failure('InvalidInput', 'ids: name 2 to 20 runs, separated by commas');
        const runs = await Promise.all(ids.map((id) => findRun(registry, request.caller, id)));
        return compareRuns(registry, runs);
      },
    );

    app.get(
      '/runs/:id',
      { preHandler: viewer, schema: { tags, params, response: { 200: runWithStages, default: problem } } },
      async (request) => {
        const run = await findRun(registry, request.caller, request.params.id);
        const stages = await registry.stages.list({ tenant: run.tenant, runId: run.id });
        return { ...runToJson(run, lifecycles), stages: stages.map(stageToJson) };
      },
    );

    app.get(
      '/runs/:id/events',
      { preHandler: viewer, schema: { tags, summary: 'Server-sent events; resume with Last-Event-ID', params } },
      async (request, reply) => {
        const run = await findRun(registry, request.caller, request.params.id);
        await streamRunEvents(deps, run, request, reply);
      },
    );

    app.get(
      '/runs/:id/logs',
      { preHandler: viewer, schema: { tags, params, response: { 200: anything, default: problem } } },
      async (request, reply) => {
        const run = await findRun(registry, request.caller, request.params.id);
        return reply.header('content-type', 'text/plain; charset=utf-8').send(await readLogs(deps, run));
      },
    );

    app.post(
      '/runs/:id/cancel',
      { preHandler: operator, schema: { tags, params, body: command, response: { 202: runView, default: problem } } },
      async (request, reply) => {
        const run = await findRun(registry, request.caller, request.params.id);
        if (!isFinal(run.status)) await lifecycles.cancel(run.workflowId);
        return reply.status(202).send(runToJson(await findRun(registry, request.caller, run.id), lifecycles));
      },
    );

    for (const verb of ['pause', 'resume'] as const) {
      app.post(
        `/runs/:id/${verb}`,
        { preHandler: operator, schema: { tags, params, body: command, response: { 200: anything, default: problem } } },
        async (request) => {
          const run = await findRun(registry, request.caller, request.params.id);
          return lifecycles[verb](run.workflowId, { actor: request.caller.name, ...request.body });
        },
      );
    }

    for (const verb of ['approve', 'reject'] as const) {
      app.post(
        `/runs/:id/${verb}`,
        { preHandler: approver, schema: { tags, params, body: vote, response: { 200: anything, default: problem } } },
        async (request) => {
          const run = await findRun(registry, request.caller, request.params.id);
          const { name: actor, scope } = request.caller;
          return lifecycles[verb](run.workflowId, { actor, scope, ...request.body });
        },
      );
    }

    app.post(
      '/runs/:id/rerun',
      {
        preHandler: operator,
        schema: {
          tags,
          params,
          headers: z.looseObject({ 'idempotency-key': z.string().min(1).max(255).optional() }),
          body: rerun,
          response: { 202: runView, default: problem },
        },
      },
      async (request, reply) => {
        const earlier = await findRun(registry, request.caller, request.params.id);
        const { fromStage, reason } = request.body;
        const asked = { ...earlier.request, fromStage, reuseRun: earlier.id as RunId, ...(reason === undefined ? {} : { reason }) };
        const lifecycle = await registry.lifecycles.get({ tenant: earlier.tenant, name: earlier.lifecycle, digest: earlier.revisionDigest });
        if (!lifecycle) throw failure('NotFound', `the revision of ${earlier.id} is gone`);
        await checkRunRequest(deps, { tenant: earlier.tenant, lifecycle, request: asked });
        const { run } = await startRun(deps, {
          tenant: earlier.tenant,
          lifecycle: earlier.lifecycle,
          revisionDigest: earlier.revisionDigest,
          request: asked,
          actor: request.caller.name,
          traceId: request.traceId,
          idempotencyKey: request.headers['idempotency-key'],
          requestDigest: digestOf({ rerun: earlier.id, body: request.body }),
        });
        return reply.status(202).header('location', `/api/v1/runs/${run.id}`).send(runToJson(run, lifecycles));
      },
    );
  };
}
