import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { allows } from '../../../db/access/repository';
import { name, problem, versionNumber } from '../fields';
import { noModel } from '../model/route';
import type { RouteDeps } from '../route-deps';
import { askGateway, type GatewayCallDeps } from './gateway-call';

const rowBody = z.strictObject({
  row: z.record(z.string().max(200), z.unknown()).describe('a request row: value by column'),
  version: versionNumber.optional().describe('default: the version that the routing selects'),
  features: z
    .boolean()
    .default(false)
    .describe('true: also return the computed features; needs the scope operator'),
});
const tried = z
  .object({
    model: z.string(),
    version: z.number().describe('version that gave the answer'),
    predictionId: z.string().nullable(),
    outputs: z.record(z.string(), z.unknown()).describe('value by the name of the output'),
    milliseconds: z.number(),
    features: z
      .record(z.string(), z.union([z.string(), z.number(), z.null()]))
      .nullable()
      .describe(
        'inputs of the graph, computed from the row; null if they were not asked for, the key may ' +
          'not see them, or the gateway could not compute them',
      ),
  })
  .meta({ id: 'TriedPrediction' });

/** The answer of a gateway, Open Inference Protocol V2. */
const answerSchema = z.looseObject({
  model_version: z.coerce.number(),
  outputs: z.array(z.looseObject({ name: z.string(), data: z.array(z.unknown()) })),
});
const featuresSchema = z.looseObject({
  rows: z.array(z.record(z.string(), z.union([z.string(), z.number(), z.null()]))),
});

const chatBody = z.strictObject({
  messages: z
    .array(
      z.strictObject({ role: z.enum(['user', 'assistant']), content: z.string().max(100_000) }),
    )
    .min(1)
    .max(1000),
  version: versionNumber.optional().describe('default: the version that the routing selects'),
});
const triedChat = z
  .object({
    version: z.string().describe('version that gave the answer, as name@number'),
    predictionId: z.string(),
    answer: z.string().nullable().describe('null if the safety policy withheld it'),
    refusal: z.string().nullable(),
    milliseconds: z.number(),
    tokens: z.object({ prompt: z.number(), completion: z.number() }),
    index: z.string().nullable().describe('index version that was searched, as name@number'),
    passages: z
      .array(
        z.object({
          number: z.number(),
          documentId: z.string(),
          title: z.string().nullable(),
          source: z.string().nullable(),
          score: z.number(),
          cited: z.boolean(),
          text: z
            .string()
            .nullable()
            .describe('null if the search of the index does not find the passage again'),
        }),
      )
      .readonly()
      .describe('passages in the prompt, best first'),
  })
  .meta({ id: 'TriedChat' });

const completionSchema = z.looseObject({
  id: z.string(),
  model: z.string(),
  choices: z
    .array(
      z.looseObject({
        message: z.looseObject({
          content: z.string().nullable(),
          refusal: z.string().nullish(),
        }),
      }),
    )
    .min(1),
  usage: z.looseObject({ prompt_tokens: z.number(), completion_tokens: z.number() }),
  perennial: z
    .looseObject({
      index: z.string(),
      sources: z.array(
        z.looseObject({
          number: z.number(),
          documentId: z.string(),
          chunkId: z.string(),
          title: z.string().nullish(),
          source: z.string().nullish(),
          score: z.number(),
          cited: z.boolean(),
        }),
      ),
    })
    .optional(),
});
type TriedAnswer = z.output<typeof completionSchema>;
const hitsSchema = z.looseObject({
  hits: z.array(z.looseObject({ chunkId: z.string(), text: z.string() })),
});

const rowTimeoutMilliseconds = 30_000;
/** A model on a processor may take long. */
const chatTimeoutMilliseconds = 120_000;
/** Hits among which the passages of the prompt are found again. */
const searchedHits = 50;

/** How the pages send a row or a chat to a model. */
export function tryRoutes(deps: RouteDeps): FastifyPluginAsyncZod {
  const {
    registry,
    heavyWork,
    guards: { viewer },
  } = deps;
  const params = z.object({ model: name });
  return async (app) => {
    app.post(
      '/models/:model/try',
      {
        ...viewer,
        schema: {
          tags: ['predictions'],
          summary: 'Send one row to a gateway; it counts as traffic of the model',
          params,
          body: rowBody,
          response: { 200: tried, default: problem },
        },
      },
      ({ caller, params: { model }, body: { row, version, features } }) =>
        heavyWork.run(caller, async () => {
          const { tenant } = caller;
          const known = await registry.models.versions({ tenant, model, pageSize: 1 });
          if (known.items.length === 0) throw noModel(model);
          const ask = (path: string) =>
            askGateway(deps, {
              tenant,
              path: `/v2/models/${model}${path}`,
              body: { rows: [row] },
              timeoutMilliseconds: rowTimeoutMilliseconds,
            });
          const { body, milliseconds } = await ask(
            version === undefined ? '/infer' : `/versions/${version}/infer`,
          );
          const { model_version: served, outputs } = answerSchema.parse(body);
          const readValue = ({ data }: (typeof outputs)[number]): unknown =>
            data.length === 1 ? data[0] : data;
          const id = outputs.find((output) => output.name === 'prediction_id')?.data[0];
          const isAsked = features && allows(caller.scope, 'operator');
          // The prediction is there and logged; only the features beside it may be missing.
          const computed = isAsked
            ? await ask(`/versions/${served}/features`).then(
                (computedBy) => featuresSchema.safeParse(computedBy.body).data?.rows[0],
                () => undefined,
              )
            : undefined;
          return {
            model,
            version: served,
            predictionId: typeof id === 'string' ? id : null,
            outputs: Object.fromEntries(
              outputs
                .filter((output) => output.name !== 'prediction_id')
                .map((output) => [output.name, readValue(output)]),
            ),
            milliseconds,
            features: computed ?? null,
          };
        }),
    );

    app.post(
      '/models/:model/chat',
      {
        ...viewer,
        schema: {
          tags: ['predictions'],
          summary: 'Send a chat to a gateway; it counts as traffic of the application',
          params,
          body: chatBody,
          response: { 200: triedChat, default: problem },
        },
      },
      ({ caller, params: { model }, body: { messages, version } }) =>
        heavyWork.run(caller, async () => {
          const { tenant } = caller;
          const known = await registry.models.versions({ tenant, model, pageSize: 1 });
          if (known.items.length === 0) throw noModel(model);
          const { body, milliseconds } = await askGateway(deps, {
            tenant,
            path: '/v1/chat/completions',
            body: { model: version === undefined ? model : `${model}@${version}`, messages },
            timeoutMilliseconds: chatTimeoutMilliseconds,
          });
          const completion = completionSchema.parse(body);
          const question = messages.findLast(({ role }) => role === 'user')?.content ?? '';
          const message = completion.choices[0]?.message;
          return {
            version: completion.model,
            predictionId: completion.id,
            answer: message?.content ?? null,
            refusal: message?.refusal ?? null,
            milliseconds,
            tokens: {
              prompt: completion.usage.prompt_tokens,
              completion: completion.usage.completion_tokens,
            },
            index: completion.perennial?.index ?? null,
            passages: await findPassages(deps, { tenant, question }, completion.perennial),
          };
        }),
    );
  };
}

/** The answer names its passages without their text, which a search of the same index has. */
async function findPassages(
  deps: GatewayCallDeps,
  { tenant, question }: Pick<Parameters<typeof askGateway>[1], 'tenant'> & { question: string },
  found: TriedAnswer['perennial'],
): Promise<z.output<typeof triedChat>['passages']> {
  if (found === undefined || found.sources.length === 0) return [];
  const [index = '', version = ''] = found.index.split('@');
  const texts = await askGateway(deps, {
    tenant,
    path: `/v1/indexes/${encodeURIComponent(index)}/query`,
    body: { text: question, k: searchedHits, mode: 'hybrid', version: Number(version) },
    timeoutMilliseconds: rowTimeoutMilliseconds,
  }).then(
    ({ body }) => new Map(hitsSchema.parse(body).hits.map(({ chunkId, text }) => [chunkId, text])),
    // The answer is there; only the texts beside it are missing.
    () => new Map<string, string>(),
  );
  return found.sources.map(({ number, documentId, chunkId, title, source, score, cited }) => ({
    number,
    documentId,
    title: title ?? null,
    source: source ?? null,
    score,
    cited,
    text: texts.get(chunkId) ?? null,
  }));
}
