import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { planLifecycle, withoutAddresses } from '../../../domain/lifecycle/plan';
import { canaryWarnings } from '../../../domain/lifecycle/release-checks';
import { withMaskedWebhooks } from '../../../domain/notification/webhook-address';
import { syncSchedule } from '../../temporal-clients/schedule-sync';
import { runRequestSchema } from '../../../domain/run/request.schema';
import { computeDigest } from '../../../data/digest';
import { allows, type ApiKeyIdentity } from '../../../db/access/repository';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import type { ProgramRef } from '../../../domain/lifecycle/sections/program';
import {
  readRevision,
  revisionTexts,
  storeRevision,
  type CheckedRevision,
  type SubmittedLifecycle,
} from './revision';
import { planDayCorrelation } from './day-correlation';
import { modelWarnings } from '../model-warnings';
import { registeredTables } from '../dataset/registered-tables';
import { sourceWarnings } from '../dataset/source-warnings';
import { checkRunRequest, refuseLooserReuse, rerunOfRequest } from '../run/request';
import { startRun } from '../run/start';
import { fileDiffs } from './file-diffs';
import type { RouteDeps } from '../route-deps';
import { idempotent, name, page, pageSchema, problem, version, why } from '../fields';
import {
  applied,
  lifecycleArchive,
  lifecycleFiles,
  lifecycleRevision,
  lifecycleSummary,
  plan,
  revisionSummary,
} from './view';
import { runToJson, runView } from '../run/view';

const maxFileBytes = 1 << 20;
/** A lifecycle with its SQL and contract; one file is at most 1 MiB. */
const maxLifecycleBytes = 8 << 20;

const text = z.string().max(maxFileBytes);
const given = z.strictObject({
  document: z
    .union([text, z.record(z.string(), z.unknown())])
    .describe('text of the lifecycle file, at most 1 MiB, or the same as an object'),
  fileName: z.string().max(255).default('lifecycle.yaml').describe('file name for error messages'),
  files: z
    .record(z.string().max(1000), text)
    .default({})
    .describe('files that the spec names: path → text'),
  folder: z
    .string()
    .max(4096)
    .nullable()
    .default(null)
    .describe('folder of the caller, for relative file:// sources'),
});

const params = z.object({ name });
const pendingParams = params.extend({ revision: version });
const tags = ['lifecycles'];
const listed = page.extend({
  archived: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true lists archived lifecycles instead of those in use'),
});
const reasoned = z.strictObject({ reason: why });

export function lifecycleRoutes({
  registry,
  artifacts,
  lifecycles,
  schedules,
  trainers,
  prices,
  knownModels,
  scratchRoot,
  sources,
  secrets,
  offThread,
  heavyWork,
  guards,
  log,
}: RouteDeps): FastifyPluginAsyncZod {
  const { viewer, operator, approver, admin } = guards;
  // If Temporal is unavailable, the schedule is set later from the outbox.
  const scheduleSoon = (tenant: Tenant, lifecycle: string) =>
    syncSchedule({ registry, schedules }, { tenant, lifecycle }).catch((error: unknown) =>
      log.warn({ err: error, lifecycle }, 'schedule not updated yet; the sweeper will retry'),
    );
  // A caller who may not start runs may not have sources read either, because errors name their
  // columns.
  const check = (caller: ApiKeyIdentity, lifecycle: SubmittedLifecycle) => {
    const tables = allows(caller.scope, 'operator')
      ? registeredTables({ registry, sources, scratchRoot }, caller.tenant)
      : null;
    const hasVersion = async (number: number) =>
      (await registry.models.get({
        tenant: caller.tenant,
        model: lifecycle.name,
        version: number,
      })) !== null;
    const findBuild = (program: ProgramRef) =>
      registry.projects.get({ ...program, tenant: caller.tenant });
    const { trials } = registry;
    const rules = { trainers, secrets, offThread, tables, hasVersion, findBuild, trials };
    return heavyWork.run(caller, async () => {
      const offers = await registry.computeOffers.live();
      return readRevision({ ...rules, prices, offers, tenant: caller.tenant }, lifecycle);
    });
  };
  const listWarnings = async (revision: CheckedRevision) => [
    ...revision.notes,
    ...('canary' in revision.spec ? canaryWarnings(revision.spec.canary) : []),
    ...(await sourceWarnings(sources, revision)),
    ...(await modelWarnings(knownModels, revision)),
  ];
  const archivedWarning = async (tenant: Tenant, lifecycle: string): Promise<readonly string[]> => {
    const archived = await registry.lifecycles.archived({ tenant, name: lifecycle });
    if (archived === null) return [];
    return [
      `${lifecycle} is archived, so apply is refused; next: perennial lifecycle unarchive ${lifecycle} --reason "<why>"`,
    ];
  };
  /** What waits for approvers, with the lines that it changes. */
  const findPending = async (tenant: Tenant, of: string) => {
    const pending = await registry.lifecycles.proposal({ tenant, name: of });
    const now = pending && (await registry.lifecycles.get({ tenant, name: of }));
    if (!pending || !now) return null;
    const { files, ...shown } = pending;
    const texts = await revisionTexts(artifacts, files);
    return { ...shown, diffs: await fileDiffs(artifacts, now.files, { files, texts }) };
  };
  return async (app) => {
    app.get(
      '/lifecycles',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List lifecycles by name',
          querystring: listed,
          response: { 200: pageSchema(lifecycleSummary), default: problem },
        },
      },
      ({ caller: { tenant }, query: { archived, ...query } }) =>
        registry.lifecycles.list({ tenant, archived: archived === 'true', ...query }),
    );

    app.get(
      '/lifecycles/:name',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show the revision that new runs use',
          params,
          response: { 200: lifecycleRevision, default: problem },
        },
      },
      async ({ caller, params: { name: of } }) => {
        const revision = requireLifecycle(
          await registry.lifecycles.get({ tenant: caller.tenant, name: of }),
          of,
        );
        const pending = await findPending(caller.tenant, of);
        const spec = allows(caller.scope, 'operator')
          ? revision.spec
          : withMaskedWebhooks(revision.spec);
        return {
          ...revision,
          spec,
          pending,
          archived: await registry.lifecycles.archived({ tenant: caller.tenant, name: of }),
        };
      },
    );

    app.get(
      '/lifecycles/:name/files',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show the files of the revision in force',
          params,
          response: { 200: lifecycleFiles, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { name: of } }) => {
        const { digest, files } = requireLifecycle(
          await registry.lifecycles.get({ tenant, name: of }),
          of,
        );
        return { digest, files: await revisionTexts(artifacts, files) };
      },
    );

    app.get(
      '/lifecycles/:name/revisions',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List all applied revisions, newest first',
          params,
          querystring: page,
          response: { 200: pageSchema(revisionSummary), default: problem },
        },
      },
      async ({ caller: { tenant }, params: { name: of }, query }) => {
        requireLifecycle(await registry.lifecycles.get({ tenant, name: of }), of);
        return registry.lifecycles.revisions({ tenant, name: of, ...query });
      },
    );

    app.put(
      '/lifecycles/:name',
      {
        ...operator,
        bodyLimit: maxLifecycleBytes,
        schema: {
          tags,
          summary: 'Apply a spec; one that loosens the policy waits for an approver (202)',
          params,
          body: given,
          response: { 200: applied, 202: applied, default: problem },
        },
      },
      async ({ caller, params: { name: of }, body }, reply) => {
        const { tenant, name: actor, scope } = caller;
        const revision = await check(caller, { ...body, name: of });
        const isUngated = 'evaluate' in revision.spec && revision.spec.evaluate.ungated !== null;
        if (isUngated && !allows(scope, 'approver')) {
          throw failure(
            'Forbidden',
            `a lifecycle without gates requires the scope approver; the key ${actor} has ${scope}`,
            {
              next: 'ask an admin for a key with the scope approver',
            },
          );
        }
        const outcome = await registry.lifecycles.apply({
          tenant,
          revision: await storeRevision(artifacts, tenant, revision),
          actor,
        });
        const warnings = await listWarnings(revision);
        if (outcome.kind === 'pending') {
          const { revision: number, digest, loosenings } = outcome.proposal;
          return reply.status(202).send({
            lifecycle: of,
            revision: number,
            digest,
            changed: false,
            state: 'pending',
            loosenings,
            diffs: (await findPending(tenant, of))?.diffs ?? [],
            warnings,
          });
        }
        const { revision: now, changed } = outcome;
        if (changed) await scheduleSoon(tenant, of);
        const { revision: number, digest } = now;
        return reply.send({
          lifecycle: of,
          revision: number,
          digest,
          changed,
          state: 'inForce',
          loosenings: [],
          diffs: [],
          warnings,
        });
      },
    );

    app.post(
      '/lifecycles/:name/revisions/:revision/approve',
      {
        ...approver,
        schema: {
          tags,
          summary:
            'Approve a revision that waits, which may need more approvals (pending); not allowed for its author',
          params: pendingParams,
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
          const now = requireLifecycle(await registry.lifecycles.get({ tenant, name: of }), of);
          return { ...now, pending: await findPending(tenant, of), archived: null };
        }
        await scheduleSoon(tenant, of);
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
          params: pendingParams,
          body: z.strictObject({ reason: why }),
          response: { 200: lifecycleRevision, default: problem },
        },
      },
      async ({ caller, params: { name: of, revision }, body: { reason } }) => {
        const { tenant } = caller;
        await registry.lifecycles.reject({ tenant, name: of, revision, caller, reason });
        return {
          ...requireLifecycle(await registry.lifecycles.get({ tenant, name: of }), of),
          pending: null,
          archived: null,
        };
      },
    );

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
          await scheduleSoon(tenant, of);
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
        await scheduleSoon(tenant, of);
        return deleted;
      },
    );

    app.post(
      '/lifecycles/:name/plan',
      {
        ...viewer,
        bodyLimit: maxLifecycleBytes,
        schema: {
          tags,
          summary: 'Show what applying would change',
          params,
          body: given,
          response: { 200: plan, default: problem },
        },
      },
      async ({ caller, params: { name: of }, body }) => {
        const { tenant, scope } = caller;
        const revision = await check(caller, { ...body, name: of });
        const current = await registry.lifecycles.get({ tenant, name: of });
        const planned = planLifecycle(current, revision);
        const seen = allows(scope, 'operator') ? planned : withoutAddresses(planned);
        const days = await planDayCorrelation(registry, { tenant, spec: revision.spec });
        return {
          ...seen,
          lines: [...seen.lines, ...days],
          diffs: current === null ? [] : await fileDiffs(artifacts, current.files, revision),
          warnings: [...(await archivedWarning(tenant, of)), ...(await listWarnings(revision))],
        };
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
        const lifecycle = requireLifecycle(
          await registry.lifecycles.get({ tenant, name: of.name }),
          of.name,
        );
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

const archiveSummaries = {
  archive: 'Archive a lifecycle: no new runs, no schedule; its champion continues to serve',
  unarchive: 'Restore an archived lifecycle: runs are accepted again and its schedule returns',
} as const;

function requireLifecycle<T>(lifecycle: T | null, name: string): T {
  if (lifecycle === null)
    throw failure('NotFound', `there is no lifecycle ${name}`, {
      next: 'perennial lifecycle apply <folder>',
    });
  return lifecycle;
}
