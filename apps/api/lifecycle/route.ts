import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { withMaskedWebhooks } from '../../../domain/notification/webhook-address';
import { allows } from '../../../db/access/repository';
import { revisionTexts } from './revision';
import { findLifecycle, findPending } from './find';
import type { RouteDeps } from '../route-deps';
import { name, page, pageSchema, problem } from '../fields';
import { lifecycleFiles, lifecycleRevision, lifecycleSummary, revisionSummary } from './view';

const params = z.object({ name });
const listed = page.extend({
  archived: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true lists archived lifecycles instead of those in use'),
});
const tags = ['lifecycles'];

export function lifecycleRoutes({
  registry,
  artifacts,
  guards: { viewer },
}: RouteDeps): FastifyPluginAsyncZod {
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
        const revision = await findLifecycle(registry, { tenant: caller.tenant, name: of });
        const pending = await findPending(
          { registry, artifacts },
          { tenant: caller.tenant, name: of },
        );
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
        const { digest, files } = await findLifecycle(registry, { tenant, name: of });
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
        await findLifecycle(registry, { tenant, name: of });
        return registry.lifecycles.revisions({ tenant, name: of, ...query });
      },
    );
  };
}
