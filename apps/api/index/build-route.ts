import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import { buildOrderSchema } from '../../../domain/index-version/build-order.schema';
import type { IndexBuildRef } from '../../../workflows/index-version/messages';
import type { IndexBuildStatus } from '../../temporal-clients/index-client';
import { startIndexBuild } from './build';
import type { RouteDeps } from '../route-deps';
import { idempotent, readIdempotencyKey, problem } from '../fields';
import { indexBuildView, indexName } from './view';

const one = z.object({
  index: indexName,
  build: z
    .string()
    .regex(/^build_[0-9a-f]{24}$/)
    .describe('a build id: build_…'),
});
/** Some ten thousand cases. */
const maxCasesBytes = 32 << 20;
const tags = ['indexes'];

/** Builds of index versions outside a lifecycle; each is one workflow. */
export function indexBuildRoutes(deps: RouteDeps): FastifyPluginAsyncZod {
  const { indexes, guards } = deps;
  const { viewer, operator } = guards;

  async function requireBuild(ref: IndexBuildRef): Promise<IndexBuildStatus> {
    const found = await indexes.status(ref);
    if (found) return found;
    throw failure(
      'NotFound',
      `${ref.index} has no build ${ref.build}, or it is past its retention in Temporal`,
      {
        next: `perennial index show ${ref.index}`,
      },
    );
  }

  const toBuildView = ({ tenant, index, build }: IndexBuildRef, current: IndexBuildStatus) => ({
    index,
    build,
    status: current.status,
    temporalUrl: indexes.buildUrl({ tenant, index, build }),
    progress: current.status === 'running' ? current.state : null,
    outcome: current.status === 'done' ? current.outcome : null,
    cause: 'cause' in current ? current.cause : null,
  });

  return async (app) => {
    app.post(
      '/indexes/:index/builds',
      {
        ...operator,
        bodyLimit: maxCasesBytes,
        schema: {
          tags,
          summary:
            'Build a new index version, compare it with the champion, and make it champion if it is not worse',
          params: one.pick({ index: true }),
          headers: idempotent,
          body: buildOrderSchema,
          response: { 202: indexBuildView, default: problem },
        },
      },
      async (
        { caller: { tenant, name: actor }, params: { index }, headers, body: order },
        reply,
      ) => {
        const ref = await startIndexBuild(deps, {
          tenant,
          actor,
          index,
          key: readIdempotencyKey(headers),
          order,
        });
        const current = (await indexes.status(ref)) ?? { status: 'running', state: null };
        return reply
          .code(202)
          .header('location', `/api/v1/indexes/${index}/builds/${ref.build}`)
          .send(toBuildView(ref, current));
      },
    );

    app.get(
      '/indexes/:index/builds/:build',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show the progress or the result of a build',
          params: one,
          response: { 200: indexBuildView, default: problem },
        },
      },
      async ({ caller: { tenant }, params }) =>
        toBuildView({ tenant, ...params }, await requireBuild({ tenant, ...params })),
    );

    app.post(
      '/indexes/:index/builds/:build/cancel',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Cancel a build and delete what it built',
          params: one,
          response: { 202: indexBuildView, default: problem },
        },
      },
      async ({ caller: { tenant, name: actor }, params }, reply) => {
        const ref = { tenant, ...params };
        await requireBuild(ref);
        const subject = `index:${params.index}`;
        await deps.registry.commands.audit({
          tenant,
          actor,
          action: 'index.build.cancel',
          subject,
          cause: `build ${params.build} cancelled by hand`,
        });
        await indexes.cancelBuild(ref);
        return reply.code(202).send(toBuildView(ref, await requireBuild(ref)));
      },
    );
  };
}
