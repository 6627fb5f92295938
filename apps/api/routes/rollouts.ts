import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import type { RolloutId } from '../../../domain/ids';
import type { RolloutRecord } from '../../../db/repositories/rollouts';
import { commandRollout, neverOne } from '../rollout-command';
import type { RouteDeps } from '../server';
import { idempotent, name, page, pageOf, problem, why } from '../views/fields';
import { judgeToJson } from '../views/rollout-judge';
import { rolloutSummary, rolloutToJson, rolloutView, summaryToJson } from '../views/rollout';

const model = z.object({ model: name });
const id = z
  .string()
  .regex(/^roll_[0-9a-z]{1,64}$/)
  .describe('a rollout id: roll_…');
const reasoned = z.strictObject({ reason: why.optional() });
const tenYears = 10 * 366 * 86_400;
const extension = reasoned.extend({
  seconds: z.number().int().min(1).max(tenYears).describe('whole seconds of event time, from 1 to ten years, added to maxDuration'),
});
const tags = ['rollouts'];

export function rolloutRoutes({ registry, lifecycles, guards }: RouteDeps): FastifyPluginAsyncZod {
  const { viewer, operator } = guards;
  const shown = async (rollout: RolloutRecord) => {
    const [traffic, judge] = await Promise.all([registry.rollouts.traffic(rollout), judgeToJson(registry, rollout)]);
    return rolloutToJson(rollout, traffic, judge, lifecycles);
  };
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/models/:model/rollout',
      {
        ...viewer,
        schema: { tags, summary: 'The open rollout, else the newest', params: model, response: { 200: rolloutView, default: problem } },
      },
      async ({ caller: { tenant }, params: { model: of } }) => {
        const rollout = await registry.rollouts.current({ tenant, model: of });
        if (rollout === null) throw await neverOne(registry, { tenant, model: of });
        return shown(rollout);
      },
    );

    app.get(
      '/models/:model/rollouts',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Rollouts, newest first',
          params: model,
          querystring: page,
          response: { 200: pageOf(rolloutSummary), default: problem },
        },
      },
      async ({ caller: { tenant }, params: { model: of }, query }) => {
        const { items, nextPageToken } = await registry.rollouts.list({ tenant, model: of, ...query });
        if (
          items.length === 0 &&
          query.pageToken === undefined &&
          (await registry.models.versions({ tenant, model: of, pageSize: 1 })).items.length === 0
        ) {
          throw await neverOne(registry, { tenant, model: of });
        }
        return { items: items.map(summaryToJson), nextPageToken };
      },
    );

    app.get(
      '/models/:model/rollouts/:id',
      { ...viewer, schema: { tags, summary: 'A rollout', params: model.extend({ id }), response: { 200: rolloutView, default: problem } } },
      async ({ caller: { tenant }, params }) => {
        const rollout = await registry.rollouts.get({ tenant, id: params.id as RolloutId });
        if (rollout?.model !== params.model) {
          throw failure('NotFound', `there is no rollout ${params.id} of ${params.model}`, {
            next: `perennial rollout list ${params.model}`,
          });
        }
        return shown(rollout);
      },
    );

    for (const [verb, summary] of [
      ['hold', 'Keep a rollout in its step; harm still ends it'],
      ['resume', 'Let a held rollout go on'],
      ['skip', 'To the next step without waiting for this one'],
      ['abort', 'End a rollout: all traffic to the champion'],
    ] as const) {
      app.post(
        `/models/:model/rollout/${verb}`,
        {
          ...operator,
          schema: { tags, summary, params: model, headers: idempotent, body: reasoned, response: { 200: rolloutView, default: problem } },
        },
        async ({ caller: { tenant, name: actor, id: keyId }, params: { model: of }, headers, body }) =>
          shown(
            await commandRollout(
              { registry, lifecycles },
              { tenant, model: of, verb, actor, keyId, idempotencyKey: headers['idempotency-key'], ...body },
            ),
          ),
      );
    }

    app.post(
      '/models/:model/rollout/extend',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Give a rollout more event time before it counts as inconclusive',
          params: model,
          headers: idempotent,
          body: extension,
          response: { 200: rolloutView, default: problem },
        },
      },
      async ({ caller: { tenant, name: actor, id: keyId }, params: { model: of }, headers, body }) => {
        const order = { tenant, model: of, verb: 'extend', actor, keyId, idempotencyKey: headers['idempotency-key'], ...body } as const;
        return shown(await commandRollout({ registry, lifecycles }, order));
      },
    );
  };
}
