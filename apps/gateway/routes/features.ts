import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseModelName } from '../model/model-name';
import { graphOf } from '../model/served-version';
import type { VersionPicker } from '../routing/version-picker';
import type { ModelParams } from './infer';

interface FeaturesRouteDeps {
  readonly picker: VersionPicker;
  readonly timeoutMs: number;
}

/**
 * `POST /v2/models/{model}/versions/{version}/features`: the features that a version computes from
 * request rows, with the query that its predictions use. Nothing is predicted, logged or counted.
 */
export function featuresRoutes(
  app: FastifyInstance,
  { picker, timeoutMs }: FeaturesRouteDeps,
): void {
  app.post(
    '/v2/models/:model/versions/:version/features',
    async (request: FastifyRequest<{ Params: ModelParams }>, reply) => {
      const { model, version } = request.params;
      const deadline = performance.now() - reply.elapsedTime + timeoutMs;
      const picked = await picker.pick(request.caller.tenant, parseModelName(model, version));
      try {
        const served = picked.kind === 'routed' ? picked.route.champion.served : picked.served;
        const graph = graphOf(served);
        const { rows } = graph.codec.decode(request.body);
        const columns = await graph.features.compute(rows, deadline);
        const names = graph.signature.features.map(({ name }) => name);
        return {
          model_name: served.model,
          model_version: String(served.version),
          // JSON has no NaN, which a missing number becomes.
          rows: rows.map((_, row) =>
            Object.fromEntries(
              names.map((name) => {
                const value = columns[name]?.[row];
                return [name, typeof value === 'number' && !Number.isFinite(value) ? null : value];
              }),
            ),
          ),
        };
      } finally {
        picked.release();
      }
    },
  );
}
