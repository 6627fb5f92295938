import type { FastifyInstance, FastifyRequest } from 'fastify';
import { failure } from '../../../domain/failure';
import { findLimit, type LimitPerModel } from '../config';
import type { RequestAdmission } from '../inference/admission';
import { parseModelName } from '../model/model-name';
import { requireGraph } from '../model/served-version';
import type { VersionPicker } from '../routing/version-picker';
import { admitRequests, working } from './admit';
import type { ModelParams } from './infer';

interface FeaturesRouteDeps {
  readonly picker: VersionPicker;
  readonly admission: Pick<RequestAdmission, 'enter'>;
  readonly timeoutMs: LimitPerModel;
}

/** The features of all rows are computed in one call, which other requests wait for. */
const maxFeatureRows = 512;

/**
 * `POST /v2/models/{model}/versions/{version}/features`: the features that a version computes from
 * request rows, with the query that its predictions use. Nothing is predicted, logged or counted.
 */
export function featuresRoutes(
  app: FastifyInstance,
  { picker, admission, timeoutMs }: FeaturesRouteDeps,
): void {
  app.post<{ Params: ModelParams }>(
    '/v2/models/:model/versions/:version/features',
    { preParsing: admitRequests(app, admission) },
    (request, reply) =>
      working(request, () => {
        const { model } = parseModelName(request.params.model, request.params.version);
        const arrivedAt = performance.now() - reply.elapsedTime;
        return compute(request, arrivedAt + findLimit(timeoutMs, model));
      }),
  );

  async function compute(
    { caller, params, body }: FastifyRequest<{ Params: ModelParams }>,
    deadline: number,
  ) {
    const picked = await picker.pick(caller.tenant, parseModelName(params.model, params.version));
    try {
      const served = picked.kind === 'routed' ? picked.route.champion.served : picked.served;
      const graph = requireGraph(served);
      const { rows } = graph.codec.decode(body);
      if (rows.length > maxFeatureRows)
        throw failure(
          'InvalidInput',
          `the request has ${rows.length} rows; features are computed of at most ${maxFeatureRows}`,
        );
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
  }
}
