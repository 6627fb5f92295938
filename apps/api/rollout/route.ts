import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import type { Digest } from '../../../domain/artifact';
import type { PredictionId, RolloutId, Tenant } from '../../../domain/ids';
import { isOpenRollout } from '../../../domain/rollout/rollout';
import type { Registry } from '../../../db/registry';
import type { RolloutRecord } from '../../../db/rollout/records';
import { commandRollout, noRolloutsFailure } from './command';
import type { RouteDeps } from '../route-deps';
import { idempotent, name, page, pageSchema, problem, why } from '../fields';
import { judgeToJson } from './judge-view';
import { rolloutSummary, rolloutToJson, rolloutView, summaryToJson, trafficHistory } from './view';

const model = z.object({ model: name });
const id = z
  .string()
  .regex(/^roll_[0-9a-z]{1,64}$/)
  .describe('a rollout id: roll_…');
const reasoned = z.strictObject({ reason: why.optional() });
const tenYears = 10 * 366 * 86_400;
const extension = reasoned.extend({
  seconds: z
    .number()
    .int()
    .min(1)
    .max(tenYears)
    .describe('seconds of event time to add to maxDuration, from 1 to ten years'),
});
const tags = ['rollouts'];

const unlabelledPair = z.object({
  predictionId: z.string(),
  question: z.string(),
  first: z
    .string()
    .nullable()
    .describe('answer of one version, not stated which; null: it was blocked and needs no label'),
  second: z.string().nullable(),
});
const isRight = z.boolean().nullable().describe('true: right, false: wrong, null: undecided');
const pairLabel = z
  .strictObject({
    predictionId: z
      .string()
      .regex(/^pred_[0-9a-hjkmnp-tv-z]{26}$/)
      .describe('prediction id from the list of pairs: pred_…'),
    first: isRight,
    second: isRight,
  })
  .describe('a label with predictionId, first and second');

/** @throws Conflict if no rollout with a judge is open. */
async function judgedRollout(
  registry: Pick<Registry, 'rollouts' | 'models'>,
  { tenant, model: of }: { readonly tenant: Tenant; readonly model: string },
): Promise<{ readonly id: RolloutId; readonly judge: Digest }> {
  const rollout = await registry.rollouts.current({ tenant, model: of });
  if (rollout === null) throw await noRolloutsFailure(registry, { tenant, model: of });
  const { id, status, spec } = rollout;
  const next = `perennial rollout show ${of}`;
  if (!isOpenRollout(status))
    throw failure('Conflict', `${of} has no open rollout: ${id} is ${status}`, { next });
  const judge = spec.quality.answers?.judge?.calibrated?.judge;
  if (judge === undefined)
    throw failure('Conflict', `${id} has no judge, so its answers need no labels`, { next });
  return { id, judge };
}

/** Parts of the event time of a rollout. */
const shownPoints = 200;

export function rolloutRoutes({ registry, lifecycles, guards }: RouteDeps): FastifyPluginAsyncZod {
  const { viewer, operator } = guards;
  const buildView = async (rollout: RolloutRecord) => {
    const [traffic, judge] = await Promise.all([
      registry.rollouts.traffic(rollout),
      judgeToJson(registry, rollout),
    ]);
    return rolloutToJson(rollout, traffic, judge, lifecycles);
  };
  return async (app) => {
    app.get(
      '/models/:model/rollout',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show the open rollout, or the newest one',
          params: model,
          response: { 200: rolloutView, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { model: of } }) => {
        const rollout = await registry.rollouts.current({ tenant, model: of });
        if (rollout === null) throw await noRolloutsFailure(registry, { tenant, model: of });
        return buildView(rollout);
      },
    );

    app.get(
      '/models/:model/rollouts',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List rollouts, newest first',
          params: model,
          querystring: page,
          response: { 200: pageSchema(rolloutSummary), default: problem },
        },
      },
      async ({ caller: { tenant }, params: { model: of }, query }) => {
        const { items, nextPageToken } = await registry.rollouts.list({
          tenant,
          model: of,
          ...query,
        });
        if (
          items.length === 0 &&
          query.pageToken === undefined &&
          (await registry.models.versions({ tenant, model: of, pageSize: 1 })).items.length === 0
        ) {
          throw await noRolloutsFailure(registry, { tenant, model: of });
        }
        return { items: items.map(summaryToJson), nextPageToken };
      },
    );

    app.get(
      '/models/:model/rollouts/:id',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show a rollout',
          params: model.extend({ id }),
          response: { 200: rolloutView, default: problem },
        },
      },
      async ({ caller: { tenant }, params }) => {
        const rollout = await registry.rollouts.get({ tenant, id: params.id as RolloutId });
        if (rollout?.model !== params.model) {
          throw failure('NotFound', `there is no rollout ${params.id} of ${params.model}`, {
            next: `perennial rollout list ${params.model}`,
          });
        }
        return buildView(rollout);
      },
    );

    app.get(
      '/models/:model/rollouts/:id/traffic',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show the requests of a rollout over event time by arm, oldest first',
          params: model.extend({ id }),
          response: { 200: trafficHistory, default: problem },
        },
      },
      async ({ caller: { tenant }, params }) => {
        const of = { tenant, id: params.id as RolloutId };
        const rollout = await registry.rollouts.get(of);
        if (rollout?.model !== params.model)
          throw failure('NotFound', `there is no rollout ${params.id} of ${params.model}`, {
            next: `perennial rollout list ${params.model}`,
          });
        return { items: await registry.rollouts.trafficHistory({ ...of, points: shownPoints }) };
      },
    );

    for (const [verb, summary] of [
      ['hold', 'Hold a rollout in its step; detected harm still ends it'],
      ['resume', 'Resume a held rollout'],
      ['skip', 'Move to the next step without waiting for the current one'],
      ['abort', 'Abort a rollout and send all traffic to the champion'],
    ] as const) {
      app.post(
        `/models/:model/rollout/${verb}`,
        {
          ...operator,
          schema: {
            tags,
            summary,
            params: model,
            headers: idempotent,
            body: reasoned,
            response: { 200: rolloutView, default: problem },
          },
        },
        async ({
          caller: { tenant, name: actor, id: keyId },
          params: { model: of },
          headers,
          body,
        }) =>
          buildView(
            await commandRollout(
              { registry, lifecycles },
              {
                tenant,
                model: of,
                verb,
                actor,
                keyId,
                idempotencyKey: headers['idempotency-key'],
                ...body,
              },
            ),
          ),
      );
    }

    app.get(
      '/models/:model/rollout/labels',
      {
        ...operator,
        schema: {
          tags,
          summary: 'List pairs of judged answers that people have not labelled yet',
          params: model,
          querystring: z.strictObject({
            limit: z.coerce
              .number()
              .int()
              .min(1)
              .max(500)
              .default(50)
              .describe('a whole number from 1 to 500'),
          }),
          response: {
            200: z.object({ rollout: z.string(), items: z.array(unlabelledPair).readonly() }),
            409: problem,
            default: problem,
          },
        },
      },
      async ({ caller: { tenant }, params: { model: of }, query: { limit } }) => {
        const { id: rollout, judge } = await judgedRollout(registry, { tenant, model: of });
        return {
          rollout,
          items: await registry.answerLabels.toLabel({ tenant, rollout, judge, limit }),
        };
      },
    );

    app.post(
      '/models/:model/rollout/labels',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Label answers as right or wrong, to correct the judge of the open rollout',
          params: model,
          body: z.strictObject({
            labels: z.array(pairLabel).min(1).max(500).describe('1 to 500 labels of pairs'),
          }),
          response: {
            200: z.object({ rollout: z.string(), stored: z.number(), labelledBefore: z.number() }),
            default: problem,
          },
        },
      },
      async ({ caller: { tenant, name: actor }, params: { model: of }, body: { labels } }) => {
        const { id: rollout, judge } = await judgedRollout(registry, { tenant, model: of });
        const given = labels.map((label) => ({
          ...label,
          predictionId: label.predictionId as PredictionId,
        }));
        return {
          rollout,
          ...(await registry.answerLabels.label({ tenant, rollout, judge, actor, labels: given })),
        };
      },
    );

    app.post(
      '/models/:model/rollout/extend',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Add event time before a rollout ends as inconclusive',
          params: model,
          headers: idempotent,
          body: extension,
          response: { 200: rolloutView, default: problem },
        },
      },
      async ({
        caller: { tenant, name: actor, id: keyId },
        params: { model: of },
        headers,
        body,
      }) => {
        const order = {
          tenant,
          model: of,
          verb: 'extend',
          actor,
          keyId,
          idempotencyKey: headers['idempotency-key'],
          ...body,
        } as const;
        return buildView(await commandRollout({ registry, lifecycles }, order));
      },
    );
  };
}
