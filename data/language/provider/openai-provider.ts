import type { ArtifactRef } from '../../../domain/artifact';
import { failure, isPerennialError } from '../../../domain/failure';
import type { ChatAnswer, ChatRequest, Usage } from '../../../domain/chat/chat';
import type { EndpointRequest, Endpoint } from './endpoint';
import { modelList, openAiChunk, openAiCompletion, openAiEmbeddings } from './openai.schema';
import { openAiModeration } from './openai-moderation';
import { openAiReranking } from './openai-rerank';
import { isContentFilterError } from './provider-failure';
import { providerFineTuning } from './provider-fine-tuning';
import type { ChatOptions, ModelProvider, OnText } from './provider';
import { estimatedEmbeddingTokens, estimatedUsage, parseEvent, parseResponse } from './wire';

export interface OpenAiSettings {
  readonly name: string;
  readonly endpoint: Endpoint;
  /** OpenAI's newer models refuse `max_tokens`; other servers of its protocol know only that. */
  readonly maxTokensKey: 'max_tokens' | 'max_completion_tokens';
}

/**
 * Any server of OpenAI's Chat Completions protocol: OpenAI, vLLM, llama-server, Ollama, and the
 * embedded one.
 */
export function openAiProvider({ name, endpoint, maxTokensKey }: OpenAiSettings): ModelProvider {
  return {
    name,
    fineTuning: providerFineTuning(name, endpoint),
    moderation: openAiModeration(name, endpoint),
    reranking: openAiReranking(name, endpoint),

    async chat(request, options) {
      const startedAt = performance.now();
      const ask = chatEndpointRequest(request, maxTokensKey, options);
      const read = () =>
        options.onText
          ? readStream(name, endpoint, ask, options.onText, startedAt)
          : readCompletion(name, endpoint, ask);
      const { text, finish, usage, model, firstTokenMs } = await read().catch(
        async (error: unknown) => {
          if (!request.adapter || !isPerennialError(error) || error.type !== 'ModelNotFound')
            throw error;
          await registerAdapter(endpoint, request.adapter, error, options.signal);
          return read();
        },
      );
      return {
        text,
        finish: toFinish(finish),
        usage: usage ?? estimatedUsage(request, text),
        model: model ?? request.model,
        firstTokenMs,
        totalMs: performance.now() - startedAt,
      };
    },

    async embed({ model, texts }, { signal, requestId }) {
      // Base64 needs a quarter of the bytes and no parsing. Servers without it send a list.
      const body = { model, input: texts, encoding_format: 'base64' };
      const answer = parseResponse(
        openAiEmbeddings,
        await endpoint.json({ path: '/embeddings', body, model, signal, requestId }),
        name,
        'embeddings',
      );
      const vectors = answer.data
        .toSorted((a, b) => a.index - b.index)
        .map(({ embedding }) => toVector(embedding));
      const dimensions = vectors[0]?.length ?? 0;
      if (
        vectors.length !== texts.length ||
        vectors.some((vector) => vector.length !== dimensions)
      ) {
        throw failure(
          'AnswerLost',
          `provider ${name} sent ${vectors.length} vectors for ${texts.length} texts, ` +
            'or vectors of different lengths',
        );
      }
      return {
        vectors,
        usage: {
          promptTokens: answer.usage?.prompt_tokens ?? estimatedEmbeddingTokens(texts),
          completionTokens: 0,
        },
      };
    },

    async models({ signal }) {
      const list = parseResponse(
        modelList,
        await endpoint.json({ path: '/models', body: null, model: null, signal }),
        name,
        'list of models',
      );
      return list.data.map(({ id }) => id);
    },
  };
}

interface OpenAiAnswer {
  readonly text: string;
  readonly finish: string | null;
  readonly usage: Usage | null;
  readonly model: string | undefined;
  readonly firstTokenMs: number | null;
}

function chatEndpointRequest(
  request: ChatRequest,
  maxTokensKey: OpenAiSettings['maxTokensKey'],
  { signal, requestId, onText }: ChatOptions,
): EndpointRequest {
  const { messages, sampling, jsonSchema, adapter, thinks = false } = request;
  // This protocol has no adapters; the server names each one as a model.
  const model =
    adapter === undefined || adapter === null
      ? request.model
      : `${request.model}:${adapter.digest}`;
  const isOpenAi = maxTokensKey === 'max_completion_tokens';
  const body = {
    model,
    messages,
    // Thinking models accept only this key, at OpenAI and at gateways to it.
    [thinks ? 'max_completion_tokens' : maxTokensKey]: sampling.maxTokens,
    ...(!thinks && {
      // OpenAI's thinking models accept only the default temperature and top_p, which is 1.
      // Other servers may have other defaults, so there the values are always sent.
      ...((!isOpenAi || sampling.temperature !== 1) && { temperature: sampling.temperature }),
      ...((!isOpenAi || sampling.topP !== 1) && { top_p: sampling.topP }),
      ...(sampling.seed !== null && { seed: sampling.seed }),
      ...(sampling.stop.length > 0 && { stop: sampling.stop }),
    }),
    ...(jsonSchema !== null && {
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'answer', strict: true, schema: jsonSchema },
      },
    }),
    ...(onText && { stream: true, stream_options: { include_usage: true } }),
  };
  return { path: '/chat/completions', body, model, signal, requestId };
}

/**
 * Register the adapter with a server that does not know it (any more). A server without adapters
 * refuses that; the caller then gets the first error. Registering twice has no effect.
 */
async function registerAdapter(
  endpoint: Endpoint,
  adapter: ArtifactRef,
  unknown: Error,
  signal: AbortSignal | undefined,
): Promise<void> {
  const path = `/adapters/${adapter.digest}`;
  await endpoint
    .json({ path, method: 'PUT', body: { ...adapter }, model: null, signal })
    .catch((error: unknown) => {
      throw isPerennialError(error) && error.type === 'ProviderRefused' ? unknown : error;
    });
}

type StreamReading = { -readonly [K in keyof OpenAiAnswer]: OpenAiAnswer[K] };

async function readCompletion(
  name: string,
  endpoint: Endpoint,
  ask: EndpointRequest,
): Promise<OpenAiAnswer> {
  const { choices, usage, model } = parseResponse(
    openAiCompletion,
    await endpoint.json(ask),
    name,
    'completion',
  );
  const [choice] = choices;
  const refused = choice?.message.refusal ?? null;
  const finish = refused === null ? (choice?.finish_reason ?? null) : 'content_filter';
  return {
    text: choice?.message.content ?? refused ?? '',
    finish,
    usage: toUsage(usage),
    model,
    firstTokenMs: null,
  };
}

async function readStream(
  name: string,
  endpoint: Endpoint,
  ask: EndpointRequest,
  onText: OnText,
  startedAt: number,
): Promise<OpenAiAnswer> {
  const read: StreamReading = {
    text: '',
    finish: null,
    usage: null,
    model: undefined,
    firstTokenMs: null,
  };
  let isRefused = false;
  const isWhole = await endpoint.stream(ask, ({ data }) => {
    if (data.trim() === '[DONE]') return 'last';
    const chunk = parseEvent(openAiChunk, data, name);
    if (chunk.error !== undefined && chunk.error !== null) {
      if (!isContentFilterError(chunk.error))
        throw failure('AnswerLost', `provider ${name} sent an error in the middle of its stream`);
      read.finish = 'content_filter';
      return 'last';
    }
    read.model ??= chunk.model;
    read.usage = toUsage(chunk.usage) ?? read.usage;
    const [choice] = chunk.choices;
    if ((choice?.delta?.refusal ?? null) !== null) isRefused = true;
    read.finish = isRefused ? 'content_filter' : (choice?.finish_reason ?? read.finish);
    const delta = choice?.delta?.content ?? '';
    if (delta === '') return 'more';
    read.firstTokenMs ??= performance.now() - startedAt;
    read.text += delta;
    return onText(delta)?.then(() => 'more') ?? 'more';
  });
  // Some servers send only one of [DONE] and finish_reason. Without both, the stream is incomplete.
  if (isWhole || read.finish !== null) return read;
  throw failure(
    'AnswerLost',
    `provider ${name} ended the stream before the answer was complete, ` +
      `after ${read.text.length} characters`,
  );
}

function toUsage(
  usage: { readonly prompt_tokens: number; readonly completion_tokens: number } | null | undefined,
): Usage | null {
  return usage
    ? { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens }
    : null;
}

function toFinish(reason: string | null): ChatAnswer['finish'] {
  return reason === 'length' ? 'length' : reason === 'content_filter' ? 'filtered' : 'stop';
}

function toVector(embedding: readonly number[] | string): Float32Array {
  if (typeof embedding !== 'string') return Float32Array.from(embedding);
  const bytes = Buffer.from(embedding, 'base64');
  // Copied, because a Float32Array view needs an aligned offset and a pooled buffer may have none.
  return new Float32Array(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
  );
}
