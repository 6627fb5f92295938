/**
 * The OpenAPI 3.1 document of the gateway, at `GET /openapi.json`. It describes only the parts of
 * the Open Inference and OpenAI protocols that are supported.
 */
import { z } from 'zod';
import { version } from '../../package.json';
import { chatRequestSchema } from './chat/chat-request.schema';
import { embeddingsRequestSchema } from './embeddings/embeddings-request.schema';
import { indexQuerySchema } from './index-query/index-query.schema';

type OpenApiSchema = Readonly<Record<string, unknown>>;

const text: OpenApiSchema = { type: 'string' };
const whole: OpenApiSchema = { type: 'integer' };
const anyObject: OpenApiSchema = { type: 'object' };
const list = (items: OpenApiSchema): OpenApiSchema => ({ type: 'array', items });
const object = (
  properties: Readonly<Record<string, OpenApiSchema>>,
  required = Object.keys(properties),
): OpenApiSchema => ({
  type: 'object',
  properties,
  required,
});
const toSchemaRef = (name: string): OpenApiSchema => ({ $ref: `#/components/schemas/${name}` });
const describeBody = (schema: z.ZodType): OpenApiSchema => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
};

const problem = object({
  type: text,
  title: text,
  status: whole,
  detail: text,
  code: text,
  traceId: text,
});
const schemas: Readonly<Record<string, OpenApiSchema>> = {
  Problem: problem,
  InferenceError: { allOf: [toSchemaRef('Problem'), object({ error: text })] },
  OpenAiError: {
    allOf: [toSchemaRef('Problem'), object({ error: object({ message: text, type: text }) })],
  },
  InferRequest: {
    type: 'object',
    description:
      'inputs, one named tensor per request column; or rows, JSON objects with one key per column',
    properties: {
      id: { type: ['string', 'null'], maxLength: 256 },
      parameters: anyObject,
      inputs: list(
        object(
          {
            name: text,
            shape: list(whole),
            datatype: text,
            data: { type: 'array' },
            parameters: anyObject,
          },
          ['name', 'shape', 'datatype'],
        ),
      ),
      rows: list(anyObject),
      outputs: list(
        object(
          {
            name: { enum: ['score', 'class', 'probabilities', 'prediction_id'] },
            parameters: anyObject,
          },
          ['name'],
        ),
      ),
    },
  },
  InferAnswer: object({
    model_name: text,
    model_version: text,
    id: text,
    outputs: list(
      object({ name: text, datatype: text, shape: list(whole), data: { type: 'array' } }, [
        'name',
        'datatype',
        'shape',
      ]),
    ),
  }),
  Feedback: {
    type: 'object',
    description:
      'for a score: `label`, a number or a boolean; for a multiclass model: `label`, one of its classes; for an answer: label, score, thumbs or correction',
    properties: {
      predictionId: { type: 'string', pattern: '^pred_[0-9a-hjkmnp-tv-z]{26}$' },
      labelledAt: { type: 'string', format: 'date-time' },
    },
    required: ['predictionId'],
  },
};

/** Each protocol has its own error format. */
const protocols = {
  inference: { mediaType: 'application/json', schema: 'InferenceError' },
  openai: { mediaType: 'application/problem+json', schema: 'OpenAiError' },
  own: { mediaType: 'application/problem+json', schema: 'Problem' },
} as const;

interface Operation {
  readonly summary: string;
  readonly protocol: keyof typeof protocols;
  readonly scope: 'viewer' | 'operator';
  readonly params?: readonly string[];
  readonly body?: OpenApiSchema;
  /** Schemas by media type. */
  readonly answer: Readonly<Record<string, OpenApiSchema>>;
  /** The description of 202, which has the same schema. */
  readonly accepted?: string;
}

const defaultErrors = [400, 401, 403, 404, 409, 413, 414, 415, 422, 429, 431, 500, 502, 503, 504];

function operation({ summary, protocol, scope, params = [], body, answer, accepted }: Operation) {
  const { mediaType, schema } = protocols[protocol];
  const errors = defaultErrors.map((status) => [
    status,
    {
      description: 'rejected or failed',
      content: { [mediaType]: { schema: toSchemaRef(schema) } },
    },
  ]);
  return {
    summary,
    security: [{ apiKey: [scope] }],
    ...(params.length > 0 && {
      parameters: params.map((name) => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'string', minLength: 1 },
      })),
    }),
    ...(body && {
      requestBody: { required: true, content: { 'application/json': { schema: body } } },
    }),
    responses: {
      200: { description: 'answered', content: describeContent(answer) },
      ...(accepted !== undefined && {
        202: { description: accepted, content: describeContent(answer) },
      }),
      ...(Object.fromEntries(errors) as Readonly<Record<string, unknown>>),
    },
  };
}

function describeContent(answer: Readonly<Record<string, OpenApiSchema>>) {
  return Object.fromEntries(
    Object.entries(answer).map(([mediaType, schema]) => [mediaType, { schema }]),
  );
}

const json = (schema: OpenApiSchema) => ({ 'application/json': schema });
const inference = { protocol: 'inference', scope: 'viewer' } as const;
const openai = { protocol: 'openai', scope: 'viewer' } as const;

const metadata = object({
  name: text,
  versions: list(text),
  platform: text,
  inputs: list(anyObject),
  outputs: list(anyObject),
});
const ready = object({ name: text, version: text, ready: { type: 'boolean' }, digest: text });
const inferAnswer = { ...json(toSchemaRef('InferAnswer')), 'application/octet-stream': {} };
const infer = {
  ...inference,
  summary: 'Score rows',
  body: toSchemaRef('InferRequest'),
  answer: inferAnswer,
};

export function gatewayDocument() {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Perennial gateway',
      version,
      description:
        'Serves models over the Open Inference Protocol V2 and language applications over the OpenAI API.',
    },
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'An API key: pk_…' },
      },
      schemas,
    },
    paths: {
      '/v2': {
        get: operation({
          ...inference,
          summary: 'Show the server name and its extensions',
          answer: json(object({ name: text, version: text, extensions: list(text) })),
        }),
      },
      ...modelPaths('/v2/models/{model}', ['model']),
      ...modelPaths('/v2/models/{model}/versions/{version}', ['model', 'version']),
      '/v2/models/{model}/versions/{version}/features': {
        post: operation({
          ...inference,
          scope: 'operator',
          summary: 'Compute the features of rows without a prediction',
          params: ['model', 'version'],
          body: toSchemaRef('InferRequest'),
          answer: json(object({ model_name: text, model_version: text, rows: list(anyObject) })),
        }),
      },
      '/v1/chat/completions': {
        post: operation({
          ...openai,
          summary: 'Request an answer from a language application',
          body: describeBody(chatRequestSchema),
          answer: { ...json(anyObject), 'text/event-stream': anyObject },
        }),
      },
      '/v1/embeddings': {
        post: operation({
          ...openai,
          summary: 'Embed texts with the embedder of an index',
          body: describeBody(embeddingsRequestSchema),
          answer: json(anyObject),
        }),
      },
      '/v1/models': {
        get: operation({
          ...openai,
          summary: 'List the language applications',
          answer: json(object({ object: text, data: list(anyObject) })),
        }),
      },
      '/v1/models/{model}': {
        get: operation({
          ...openai,
          summary: 'Show a language application',
          params: ['model'],
          answer: json(anyObject),
        }),
      },
      '/v1/indexes/{index}/query': {
        post: operation({
          protocol: 'own',
          scope: 'viewer',
          summary: 'Find the nearest chunks of an index',
          params: ['index'],
          body: describeBody(indexQuerySchema),
          answer: json(anyObject),
        }),
      },
      '/v1/feedback': {
        post: operation({
          protocol: 'own',
          scope: 'operator',
          summary: 'Label predictions',
          body: {
            oneOf: [
              toSchemaRef('Feedback'),
              { type: 'array', items: toSchemaRef('Feedback'), minItems: 1, maxItems: 10_000 },
            ],
          },
          answer: json(
            object({
              accepted: whole,
              joined: whole,
              waiting: whole,
              stored: whole,
              unknown: whole,
              contradictory: whole,
            }),
          ),
          accepted: 'stored on the disk of the gateway until the registry is reachable',
        }),
      },
      '/internal/probe': {
        post: operation({
          protocol: 'own',
          scope: 'operator',
          summary: 'Load a version and test that it answers',
          body: object({
            model: text,
            version: { type: 'integer', minimum: 1, maximum: 2_147_483_647 },
          }),
          answer: json(object({ model: text, version: whole, digest: text })),
        }),
      },
    },
  };
}

function modelPaths(path: string, params: readonly string[]) {
  return {
    [path]: {
      get: operation({
        ...inference,
        summary: 'Show the inputs and outputs of a model',
        params,
        answer: json(metadata),
      }),
    },
    [`${path}/ready`]: {
      get: operation({
        ...inference,
        summary: 'Check whether a model is ready',
        params,
        answer: json(ready),
      }),
    },
    [`${path}/infer`]: { post: operation({ ...infer, params }) },
  };
}
