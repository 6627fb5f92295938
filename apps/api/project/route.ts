import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { computeDigest, sha256 } from '../../../data/digest';
import type { ArtifactRef } from '../../../domain/artifact';
import { platformTenant } from '../../../domain/access/tenant';
import { failure } from '../../../domain/failure';
import type { ProjectBuild } from '../../../domain/lifecycle/sections/program';
import { isPlatformAdmin } from '../../../db/access/repository';
import { name, problem } from '../fields';
import type { RouteDeps } from '../route-deps';
import { projectBuild, storedBuild } from './view';

/** Compiled code of a few hundred stages; more does not belong into one project. */
const largestBuild = 32 << 20;
const params = z.object({ project: name });
const tags = ['projects'];
const javascript = 'text/javascript';

const uploaded = z.strictObject({
  lifecycles: z
    .array(name)
    .min(1)
    .max(200)
    .describe('names of the lifecycles, which are the workflow types of the bundle'),
  workflows: z.string().min(1).describe('workflow bundle as JavaScript'),
  stages: z.string().describe('module that exports the stages, as JavaScript'),
  files: z
    .record(z.string().max(1000), z.base64())
    .default({})
    .describe('files of Python steps by path, as base64'),
  lock: z.string().nullable().default(null).describe('locked Python packages; null without'),
});

export function projectRoutes({
  registry,
  artifacts,
  refuseTenantCode,
  guards: { viewer, admin },
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      '/projects/:project/builds',
      {
        ...admin,
        bodyLimit: largestBuild,
        schema: {
          tags,
          summary:
            'Store a compiled project; its code runs in workers, so this needs an admin, and one of the platform where workers do not confine it',
          params,
          body: uploaded,
          response: { 200: storedBuild, default: problem },
        },
      },
      async ({ caller, params: { project }, body }) => {
        const { tenant, name: actor } = caller;
        const refusal = isPlatformAdmin(caller) ? null : await refuseTenantCode();
        if (refusal !== null)
          throw failure(
            'Forbidden',
            `the key ${actor} of the tenant ${tenant} may not deploy code here: ${refusal}`,
            {
              next: `ask an administrator of the platform, who deploys with an admin key of the tenant ${platformTenant}`,
            },
          );
        const { workflows, stages, lock } = body;
        const contents = Object.entries(body.files).map(
          ([path, text]) => [path, Buffer.from(text, 'base64')] as const,
        );
        const lifecycles = [...body.lifecycles].sort();
        const build: ProjectBuild = {
          project,
          lifecycles,
          workflows: sha256(workflows),
          stages: sha256(stages),
          files: Object.fromEntries(contents.map(([path, bytes]) => [path, sha256(bytes)])),
          environment: lock === null ? null : sha256(lock),
        };
        const digest = computeDigest(build);
        const store = (text: string | Buffer, mediaType: string) =>
          artifacts.putBytes({ tenant, bytes: Buffer.from(text), mediaType });
        const stored = {
          workflows: await store(workflows, javascript),
          stages: await store(stages, javascript),
        };
        const files: Record<string, ArtifactRef> = {};
        for (const [path, bytes] of contents)
          files[path] = await store(bytes, 'application/octet-stream');
        const environment = lock === null ? null : await store(lock, 'text/plain');
        const all = [...Object.values(stored), ...Object.values(files), environment];
        for (const artifact of all.filter((each) => each !== null))
          await registry.artifacts.reference({
            tenant,
            digest: artifact.digest,
            by: `project:${project}@${digest}`,
          });
        await registry.projects.register({ tenant, project, digest, lifecycles, ...stored, actor });
        const found = await registry.projects.get({ tenant, project, build: digest });
        if (!found) throw failure('NotFound', `project ${project} has no build ${digest}`);
        const { createdBy, createdAt } = found;
        return { project, digest, lifecycles, createdBy, createdAt, files, environment };
      },
    );

    app.get(
      '/projects/:project/builds',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List the builds of a project, newest first, at most 100',
          params,
          response: { 200: z.array(projectBuild).readonly(), default: problem },
        },
      },
      async ({ caller: { tenant }, params: { project } }) =>
        (await registry.projects.list({ tenant, project })).map(
          ({ digest, lifecycles, createdBy, createdAt }) => ({
            project,
            digest,
            lifecycles,
            createdBy,
            createdAt,
          }),
        ),
    );
  };
}
