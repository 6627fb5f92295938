import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { request } from 'undici';
import { z } from 'zod';
import { tenantHeader } from '../../../domain/access/tenant';
import { failure } from '../../../domain/failure';
import { HttpProblem } from '../../http/problem';
import { name, problem, versionNumber } from '../fields';
import { noModel } from '../model/route';
import type { RouteDeps } from '../route-deps';

const body = z.strictObject({
  row: z.record(z.string().max(200), z.unknown()).describe('a request row: value by column'),
  version: versionNumber.optional().describe('default: the version that the routing selects'),
});
const tried = z
  .object({
    model: z.string(),
    version: z.number().describe('version that gave the answer'),
    predictionId: z.string().nullable(),
    outputs: z.record(z.string(), z.unknown()).describe('value by the name of the output'),
    milliseconds: z.number(),
  })
  .meta({ id: 'TriedPrediction' });

/** The answer of a gateway, Open Inference Protocol V2. */
const answerSchema = z.looseObject({
  model_version: z.coerce.number(),
  outputs: z.array(z.looseObject({ name: z.string(), data: z.array(z.unknown()) })),
});
const refusalSchema = z.looseObject({
  detail: z.string().optional(),
  error: z.unknown().optional(),
  code: z.string().catch('GatewayRefused'),
  next: z.string().optional(),
});
const timeoutMilliseconds = 30_000;

/** How the pages send one row to a model. A browser has no key that the gateway would accept. */
export function tryRoutes({
  registry,
  serviceKey,
  heavyWork,
  guards: { viewer },
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    await Promise.resolve();
    app.post(
      '/models/:model/try',
      {
        ...viewer,
        schema: {
          tags: ['predictions'],
          summary: 'Send one row to a gateway; it counts as traffic of the model',
          params: z.object({ model: name }),
          body,
          response: { 200: tried, default: problem },
        },
      },
      ({ caller, params: { model }, body: { row, version } }) =>
        heavyWork.run(caller, async () => {
          const { tenant } = caller;
          const known = await registry.models.versions({ tenant, model, pageSize: 1 });
          if (known.items.length === 0) throw noModel(model);
          const [gateway] = await registry.gateways.live();
          if (gateway === undefined || serviceKey === null)
            throw failure('GatewayUnavailable', 'no gateway holds a lease', {
              next: 'perennial gateway',
            });
          const of = version === undefined ? '' : `/versions/${version}`;
          const startedAt = performance.now();
          const answer = await request(`${gateway.url}/v2/models/${model}${of}/infer`, {
            method: 'POST',
            headers: {
              authorization: `Bearer ${serviceKey}`,
              [tenantHeader]: tenant,
              'content-type': 'application/json',
            },
            body: JSON.stringify({ rows: [row] }),
            signal: AbortSignal.timeout(timeoutMilliseconds),
          }).catch((cause: unknown) => {
            throw failure('GatewayUnavailable', 'the gateway does not respond', { cause });
          });
          const milliseconds = Math.round((performance.now() - startedAt) * 10) / 10;
          const sent: unknown = await answer.body.json().catch(() => ({}));
          if (answer.statusCode !== 200) throw refusalOf(answer.statusCode, sent);
          const { model_version: served, outputs } = answerSchema.parse(sent);
          const valueOf = ({ data }: (typeof outputs)[number]): unknown =>
            data.length === 1 ? data[0] : data;
          const id = outputs.find((output) => output.name === 'prediction_id')?.data[0];
          return {
            model,
            version: served,
            predictionId: typeof id === 'string' ? id : null,
            outputs: Object.fromEntries(
              outputs
                .filter((output) => output.name !== 'prediction_id')
                .map((output) => [output.name, valueOf(output)]),
            ),
            milliseconds,
          };
        }),
    );
  };
}

/** The gateway says what is wrong with the row. Its refusal of the platform's key is not shown. */
function refusalOf(status: number, sent: unknown): Error {
  const { detail, error, code, next } = refusalSchema.parse(sent);
  const text =
    detail ?? (typeof error === 'string' ? error : `the gateway responded with ${status}`);
  if (status === 401 || status === 403 || status >= 500)
    return failure('GatewayUnavailable', `the gateway cannot answer: ${text}`);
  return new HttpProblem(status, code, text, next);
}
