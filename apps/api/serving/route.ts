import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import type { PredictionId } from '../../../domain/ids';
import { outcomes } from '../../../domain/safety/screen';
import { predictionArms } from '../../../domain/serving/prediction';
import type { RouteDeps } from '../route-deps';
import { page, pageSchema, problem, time, version } from '../fields';
import {
  predictionSummary,
  predictionTexts,
  predictionToJson,
  predictionView,
  summaryToJson,
} from './view';

const one = z.object({
  id: z
    .string()
    .regex(/^pred_[0-9a-z]{1,64}$/)
    .transform((id) => id as PredictionId)
    .describe('a prediction id from a response: pred_…'),
});
const list = page.extend({
  model: z.string().min(1).max(200).optional().describe('name of a model or an application'),
  version: version.optional(),
  arm: z
    .enum(predictionArms)
    .optional()
    .describe(`one of ${predictionArms.join(', ')}; default: every arm except probe`),
  blocked: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .describe('true or false: whether a safety policy blocked the answer'),
  verdict: z
    .enum(outcomes)
    .optional()
    .describe('most severe outcome of the safety policy for any side'),
  since: time.optional().describe('received at or after this RFC 3339 time'),
  until: time.optional().describe('received before this RFC 3339 time'),
});
const tags = ['predictions'];

export function predictionRoutes({
  registry,
  guards: { viewer, operator },
}: RouteDeps): FastifyPluginAsyncZod {
  const none = (id: string): Error =>
    failure(
      'NotFound',
      `there is no prediction ${id}; predictions are logged shortly after the answer and deleted after their retention`,
      {
        next: 'perennial prediction list',
      },
    );
  return async (app) => {
    app.get(
      '/predictions',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List logged predictions, newest first, without their texts',
          querystring: list,
          response: { 200: pageSchema(predictionSummary), default: problem },
        },
      },
      async ({ caller: { tenant }, query }) => {
        const { items, nextPageToken } = await registry.predictions.list({ tenant, ...query });
        return { items: items.map(summaryToJson), nextPageToken };
      },
    );

    app.get(
      '/predictions/:id',
      {
        ...viewer,
        schema: {
          tags,
          summary:
            'Show the version that answered, the safety outcome, the sources and the feedback',
          params: one,
          response: { 200: predictionView, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { id } }) => {
        const found = await registry.predictions.get({ tenant, id });
        if (!found) throw none(id);
        const served = await registry.models.get({
          tenant,
          model: found.model,
          version: found.version,
        });
        return predictionToJson(found, served?.manifest.digest ?? null);
      },
    );

    app.get(
      '/predictions/:id/texts',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Show texts kept by a policy with keepText; the audit log records who read them',
          params: one,
          response: { 200: predictionTexts, default: problem },
        },
      },
      async ({ caller: { tenant, name: actor }, params: { id } }, reply) => {
        // The texts may hold personal data, so no cache may store them.
        void reply.header('cache-control', 'no-store');
        const found = await registry.predictions.readTexts({ tenant, id, actor });
        if (!found) throw none(id);
        return found;
      },
    );
  };
}
