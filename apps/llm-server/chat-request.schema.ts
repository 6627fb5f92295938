import { z } from 'zod';
import { ApiError } from './api-error';

const text = z.union([
  z.string(),
  // Several text parts are joined, as at OpenAI.
  z
    .array(z.strictObject({ type: z.literal('text'), text: z.string() }))
    .min(1)
    .transform((parts) => parts.map((part) => part.text).join('')),
]);

const message = z.strictObject({
  role: z
    .enum(['system', 'developer', 'user', 'assistant'])
    .transform((role) => (role === 'developer' ? 'system' : role)),
  content: text,
  name: z.string().optional(),
});

const responseFormat = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  z.strictObject({
    type: z.literal('json_schema'),
    json_schema: z.strictObject({
      name: z.string().max(64),
      description: z.string().optional(),
      strict: z.boolean().nullish(),
      schema: z.record(z.string(), z.unknown()),
    }),
  }),
]);

/** A request of OpenAI's clients. Unsupported parameters that change the answer are refused. */
const chatRequestSchema = z
  .strictObject({
    model: z.string().min(1).max(300),
    messages: z.array(message).min(1).max(1_000),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().gt(0).max(1).nullish(),
    max_tokens: z.int().min(1).nullish(),
    max_completion_tokens: z.int().min(1).nullish(),
    frequency_penalty: z.number().min(-2).max(2).nullish(),
    presence_penalty: z.number().min(-2).max(2).nullish(),
    seed: z.int().nullish(),
    stop: z
      .union([z.string().min(1).max(200), z.array(z.string().min(1).max(200)).max(4)])
      .nullish(),
    stream: z.boolean().nullish(),
    stream_options: z.strictObject({ include_usage: z.boolean().nullish() }).nullish(),
    response_format: responseFormat.nullish(),
    /** A GBNF grammar, as for llama-server. */
    grammar: z.string().min(1).max(100_000).nullish(),
    n: z.literal(1, 'only one answer per request is supported').nullish(),
    logprobs: z.literal(false, 'log probabilities are not supported').nullish(),
    // These do not change the answer.
    user: z.string().nullish(),
    metadata: z.record(z.string(), z.string()).nullish(),
    store: z.boolean().nullish(),
    service_tier: z.string().nullish(),
  })
  .refine(({ grammar, response_format: format }) => !grammar || !format || format.type === 'text', {
    path: ['grammar'],
    message: 'a grammar and a response_format cannot be combined',
  });

export type ChatRequestBody = z.output<typeof chatRequestSchema>;

const embeddingsSchema = z.strictObject({
  model: z.string().min(1).max(300),
  input: z.union([
    z
      .string()
      .min(1)
      .transform((one) => [one]),
    z.array(z.string().min(1)).min(1).max(2_048),
  ]),
  encoding_format: z.enum(['float', 'base64']).default('float'),
  dimensions: z.int().nullish(),
  user: z.string().nullish(),
});

export type LlmEmbeddingsBody = z.output<typeof embeddingsSchema>;

const adapterSchema = z.strictObject({
  uri: z.string().min(1),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'sha256:<hex>'),
  bytes: z.int().min(1),
  mediaType: z.string().min(1),
});

export type AdapterBody = z.output<typeof adapterSchema>;

export const parseChatRequest = parser(chatRequestSchema);
export const parseEmbeddings = parser(embeddingsSchema);
export const parseAdapter = parser(adapterSchema);

function parser<T extends z.ZodType>(schema: T): (body: unknown) => z.output<T> {
  return (body) => {
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    const [first] = parsed.error.issues;
    const [issue] =
      first?.code === 'invalid_union'
        ? first.errors.flat().length > 0
          ? [first]
          : [first]
        : [first];
    const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : null;
    const param = [...(issue?.path ?? []), ...(unknown === null ? [] : [unknown])].join('.');
    const detail =
      unknown === null ? (issue?.message ?? 'invalid') : 'not supported by this server';
    throw new ApiError(
      400,
      param === '' ? `the body is not a valid request: ${detail}` : `${param}: ${detail}`,
      {
        code: unknown === null ? 'invalid_value' : 'unsupported_parameter',
        ...(param === '' ? {} : { param }),
      },
    );
  };
}
