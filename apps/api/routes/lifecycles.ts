import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { planLifecycle, withoutAddresses } from '../../../domain/lifecycle-plan';
import { withMaskedWebhooks } from '../../../domain/webhook-address';
import { syncSchedule } from '../../schedule-sync';
import { runRequestSchema } from '../../../domain/run-request.schema';
import { digestOf } from '../../../data/digest';
import { allows } from '../../../db/repositories/api-keys';
import { failure } from '../../../domain/failure';
import { readRevision, revisionTexts, storeRevision, type CheckedRevision } from '../lifecycle-revision';
import { modelWarnings } from '../model-warnings';
import { sourceWarnings } from '../source-warnings';
import { checkRunRequest } from '../run-request';
import { startRun } from '../run-start';
import type { RouteDeps } from '../server';
import { idempotent, name, page, pageOf, problem } from '../views/fields';
import { applied, lifecycleFiles, lifecycleRevision, lifecycleSummary, plan, revisionSummary } from '../views/lifecycle';
import { runToJson, runView } from '../views/run';

const largestFile = 1 << 20;
/** A lifecycle with its SQL and contract; one file is at most 1 MiB. */
const largestLifecycle = 8 << 20;

const text = z.string().max(largestFile);
const given = z.strictObject({
  document: z
    .union([text, z.record(z.string(), z.unknown())])
    .describe('the lifecycle file’s text, at most 1 MiB, or the same as an object'),
  fileName: z.string().max(255).default('lifecycle.yaml').describe('for messages'),
  files: z.record(z.string().max(1000), text).default({}).describe('the files that the spec names, path → text'),
  folder: z
    .string()
    .max(4096)
    .nullable()
    .default(null)
    .describe('where it lies at the caller’s: relative file:// sources are read against it'),
});

const params = z.object({ name });
const tags = ['lifecycles'];

export function lifecycleRoutes({
  registry,
  artifacts,
  lifecycles,
  schedules,
  trainers,
  knownModels,
  sources,
  secrets,
  offThread,
  guards,
  log,
}: RouteDeps): FastifyPluginAsyncZod {
  const { viewer, operator } = guards;
  const warningsOf = async (revision: CheckedRevision) => [
    ...(await sourceWarnings(sources, revision)),
    ...(await modelWarnings(knownModels, revision)),
  ];
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/lifecycles',
      {
        ...viewer,
        schema: { tags, summary: 'Lifecycles by name', querystring: page, response: { 200: pageOf(lifecycleSummary), default: problem } },
      },
      (request) => registry.lifecycles.list({ tenant: request.caller.tenant, ...request.query }),
    );

    app.get(
      '/lifecycles/:name',
      {
        ...viewer,
        schema: { tags, summary: 'The revision that new runs take', params, response: { 200: lifecycleRevision, default: problem } },
      },
      async ({ caller, params: { name: of } }) => {
        const revision = found(await registry.lifecycles.get({ tenant: caller.tenant, name: of }), of);
        return allows(caller.scope, 'operator') ? revision : { ...revision, spec: withMaskedWebhooks(revision.spec) };
      },
    );

    app.get(
      '/lifecycles/:name/files',
      {
        ...viewer,
        schema: { tags, summary: 'The files of that revision', params, response: { 200: lifecycleFiles, default: problem } },
      },
      async ({ caller: { tenant }, params: { name: of } }) => {
        const { digest, files } = found(await registry.lifecycles.get({ tenant, name: of }), of);
        return { digest, files: await revisionTexts(artifacts, files) };
      },
    );

    app.get(
      '/lifecycles/:name/revisions',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Every revision applied, newest first',
          params,
          querystring: page,
          response: { 200: pageOf(revisionSummary), default: problem },
        },
      },
      async ({ caller: { tenant }, params: { name: of }, query }) => {
        found(await registry.lifecycles.get({ tenant, name: of }), of);
        return registry.lifecycles.revisions({ tenant, name: of, ...query });
      },
    );

    app.put(
      '/lifecycles/:name',
      {
        ...operator,
        bodyLimit: largestLifecycle,
        schema: { tags, summary: 'Apply a spec', params, body: given, response: { 200: applied, default: problem } },
      },
      async ({ caller, params: { name: of }, body }) => {
        const { tenant, name: actor, scope } = caller;
        const revision = await readRevision({ trainers, secrets, offThread }, { ...body, name: of });
        if (revision.spec.evaluate.ungated !== null && !allows(scope, 'approver')) {
          throw failure('Forbidden', `a lifecycle without gates needs the scope approver; the key ${actor} has ${scope}`, {
            next: 'ask an admin for a key with the scope approver',
          });
        }
        const { revision: now, changed } = await registry.lifecycles.apply({
          tenant,
          revision: await storeRevision(artifacts, tenant, revision),
          actor,
        });
        // When Temporal is away the outbox brings the schedule later: applied is applied.
        if (changed)
          await syncSchedule({ registry, schedules }, { tenant, lifecycle: of }).catch((error: unknown) =>
            log.warn({ err: error, lifecycle: of }, 'schedule not changed yet'),
          );
        return { lifecycle: of, revision: now.revision, digest: now.digest, changed, warnings: await warningsOf(revision) };
      },
    );

    app.post(
      '/lifecycles/:name/plan',
      {
        ...viewer,
        bodyLimit: largestLifecycle,
        schema: { tags, summary: 'What applying would change', params, body: given, response: { 200: plan, default: problem } },
      },
      async ({ caller: { tenant, scope }, params: { name: of }, body }) => {
        const revision = await readRevision({ trainers, secrets, offThread }, { ...body, name: of });
        const planned = planLifecycle(await registry.lifecycles.get({ tenant, name: of }), revision);
        return { ...(allows(scope, 'operator') ? planned : withoutAddresses(planned)), warnings: await warningsOf(revision) };
      },
    );

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
        const lifecycle = found(await registry.lifecycles.get({ tenant, name: of.name }), of.name);
        await checkRunRequest({ registry, trainers }, { tenant, lifecycle, request: body });
        const run = await startRun(
          { registry, lifecycles, log },
          {
            tenant,
            lifecycle: lifecycle.lifecycle,
            revisionDigest: lifecycle.digest,
            request: body,
            actor,
            traceId: request.traceId,
            idempotencyKey: request.headers['idempotency-key'],
            requestDigest: digestOf({ lifecycle: of.name, body }),
          },
        );
        return reply.status(202).header('location', `/api/v1/runs/${run.id}`).send(runToJson(run, lifecycles));
      },
    );
  };
}

function found<T>(lifecycle: T | null, name: string): T {
  if (lifecycle === null) throw failure('NotFound', `there is no lifecycle ${name}`, { next: 'perennial lifecycle apply <folder>' });
  return lifecycle;
}
