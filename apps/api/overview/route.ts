import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { RouteDeps } from '../route-deps';
import { page, pageSchema, problem } from '../fields';
import { attentionView, modelOverview, modelToJson, runToJson, waitingToJson } from './view';

const dayMilliseconds = 86_400_000;

export function overviewRoutes({ registry, guards: { viewer } }: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/overview/models',
      {
        ...viewer,
        schema: {
          tags: ['models'],
          summary: 'List models by name with champion, quality, open rollout and last run',
          querystring: page,
          response: { 200: pageSchema(modelOverview), default: problem },
        },
      },
      async ({ caller: { tenant }, query }) => {
        const { items, nextPageToken } = await registry.overview.models({ tenant, ...query });
        return { items: items.map(modelToJson), nextPageToken };
      },
    );

    app.get(
      '/overview/attention',
      {
        ...viewer,
        schema: {
          tags: ['runs'],
          summary:
            'List the runs that wait for a person, self-approved revisions and the failures of the last day',
          response: { 200: attentionView, default: problem },
        },
      },
      async ({ caller }) => {
        const { tenant, id: keyId } = caller;
        const since = new Date(Date.now() - dayMilliseconds).toISOString();
        const [waiting, failures, selfApproved] = await Promise.all([
          registry.overview.waiting({ tenant, keyId }),
          registry.overview.failures({ tenant, keyId, since }),
          registry.lifecycles.selfApprovals({ tenant }),
        ]);
        return {
          waiting: waiting.map((run) => waitingToJson(run, caller)),
          selfApproved,
          failures: failures.map(runToJson),
        };
      },
    );
  };
}
