import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { planLifecycle, withoutAddresses } from '../../../domain/lifecycle/plan';
import { canaryWarnings } from '../../../domain/lifecycle/release-checks';
import { allows, type ApiKeyIdentity } from '../../../db/access/repository';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import type { ProgramRef } from '../../../domain/lifecycle/sections/program';
import {
  readRevision,
  storeRevision,
  type CheckedRevision,
  type SubmittedLifecycle,
} from './revision';
import { planDayCorrelation } from './day-correlation';
import { modelWarnings } from '../model-warnings';
import { registeredTables } from '../dataset/registered-tables';
import { sourceWarnings } from '../dataset/source-warnings';
import { fileDiffs } from './file-diffs';
import { findPending } from './find';
import { updateSchedule } from './update-schedule';
import type { RouteDeps } from '../route-deps';
import { name, problem } from '../fields';
import { applied, plan } from './view';

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
const tags = ['lifecycles'];

/** Apply a lifecycle folder, or show what that would change. */
export function applyRoutes(deps: RouteDeps): FastifyPluginAsyncZod {
  const { registry, artifacts, schedules, guards, log } = deps;
  const { viewer, operator } = guards;
  return async (app) => {
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
        const revision = await checkLifecycle(deps, caller, { ...body, name: of });
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
        const warnings = await listWarnings(deps, revision);
        if (outcome.kind === 'pending') {
          const { revision: number, digest, loosenings } = outcome.proposal;
          return reply.status(202).send({
            lifecycle: of,
            revision: number,
            digest,
            changed: false,
            state: 'pending',
            loosenings,
            diffs: (await findPending({ registry, artifacts }, { tenant, name: of }))?.diffs ?? [],
            warnings,
          });
        }
        const { revision: now, changed } = outcome;
        if (changed) await updateSchedule({ registry, schedules, log }, { tenant, lifecycle: of });
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
        const revision = await checkLifecycle(deps, caller, { ...body, name: of });
        const current = await registry.lifecycles.get({ tenant, name: of });
        const planned = planLifecycle(current, revision);
        const seen = allows(scope, 'operator') ? planned : withoutAddresses(planned);
        const days = await planDayCorrelation(registry, { tenant, spec: revision.spec });
        return {
          ...seen,
          lines: [...seen.lines, ...days],
          diffs: current === null ? [] : await fileDiffs(artifacts, current.files, revision),
          warnings: [
            ...(await listArchivedWarnings(deps, { tenant, name: of })),
            ...(await listWarnings(deps, revision)),
          ],
        };
      },
    );
  };
}

/**
 * A caller who may not start runs may not have sources read either, because errors name their
 * columns.
 */
function checkLifecycle(
  { registry, sources, scratchRoot, trainers, secrets, offThread, heavyWork, prices }: RouteDeps,
  caller: ApiKeyIdentity,
  lifecycle: SubmittedLifecycle,
): Promise<CheckedRevision> {
  const { tenant } = caller;
  const tables = allows(caller.scope, 'operator')
    ? registeredTables({ registry, sources, scratchRoot }, tenant)
    : null;
  const hasVersion = async (version: number) =>
    (await registry.models.get({ tenant, model: lifecycle.name, version })) !== null;
  const findBuild = (program: ProgramRef) => registry.projects.get({ ...program, tenant });
  const { trials } = registry;
  const rules = { trainers, secrets, offThread, tables, hasVersion, findBuild, trials };
  return heavyWork.run(caller, async () => {
    const offers = await registry.computeOffers.live();
    return readRevision({ ...rules, prices, offers, tenant }, lifecycle);
  });
}

async function listWarnings(
  { sources, knownModels }: Pick<RouteDeps, 'sources' | 'knownModels'>,
  revision: CheckedRevision,
): Promise<readonly string[]> {
  return [
    ...revision.notes,
    ...('canary' in revision.spec ? canaryWarnings(revision.spec.canary) : []),
    ...(await sourceWarnings(sources, revision)),
    ...(await modelWarnings(knownModels, revision)),
  ];
}

async function listArchivedWarnings(
  { registry }: Pick<RouteDeps, 'registry'>,
  { tenant, name }: { readonly tenant: Tenant; readonly name: string },
): Promise<readonly string[]> {
  if ((await registry.lifecycles.archived({ tenant, name })) === null) return [];
  return [
    `${name} is archived, so apply is refused; next: perennial lifecycle unarchive ${name} --reason "<why>"`,
  ];
}
