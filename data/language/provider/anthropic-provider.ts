import { failure } from '../../../domain/failure';
import type { ChatAnswer, ChatRequest, Usage } from '../../../domain/chat/chat';
import { anthropicEvent, anthropicMessage } from './anthropic.schema';
import type { EndpointRequest, Endpoint } from './endpoint';
import { modelList } from './openai.schema';
import type { ChatOptions, ModelProvider, OnText } from './provider';
import { isContentFilterError } from './provider-failure';
import { estimatedUsage, parseEvent, parseResponse } from './wire';

const headers = { 'anthropic-version': '2023-06-01' };

/** Anthropic's Messages API. It has no seed, so repeated requests may give different answers. */
export function anthropicProvider({
  name,
  endpoint,
}: {
  readonly name: string;
  readonly endpoint: Endpoint;
}): ModelProvider {
  return {
    name,

    async chat(request, options) {
      const startedAt = performance.now();
      const ask = chatEndpointRequest(request, options);
      const read = options.onText
        ? await readStream(name, endpoint, ask, options.onText, startedAt)
        : await readMessage(name, endpoint, ask);
      const usage = read.usage ?? estimatedUsage(request, read.text);
      return {
        ...read,
        usage,
        finish: toFinish(read.finish),
        totalMs: performance.now() - startedAt,
      };
    },

    embed: ({ model }) =>
      Promise.reject(
        failure('ModelNotFound', `provider ${name} has no embeddings (model ${model})`, {
          next: 'use a model of another provider as the embedder',
        }),
      ),

    async models({ signal }) {
      const names: string[] = [];
      let after = '';
      for (;;) {
        const ask = {
          path: '/models',
          body: null,
          model: null,
          signal,
          headers,
          query: { limit: '1000', ...(after !== '' && { after_id: after }) },
        };
        const list = parseResponse(modelList, await endpoint.json(ask), name, 'list of models');
        names.push(...list.data.map(({ id }) => id));
        if (list.has_more !== true || list.last_id === null || list.last_id === undefined)
          return names;
        after = list.last_id;
      }
    },
  };
}

interface AnthropicAnswer {
  readonly text: string;
  readonly finish: string | null;
  /** Null when the stream ended before the provider sent its token counts. */
  readonly usage: Usage | null;
  readonly model: string;
  readonly firstTokenMs: number | null;
}

function chatEndpointRequest(
  request: ChatRequest,
  { signal, requestId, onText }: ChatOptions,
): EndpointRequest {
  const { model, messages, sampling, jsonSchema, thinks = false } = request;
  const system = messages.filter(({ role }) => role === 'system').map(({ content }) => content);
  const body = {
    model,
    max_tokens: sampling.maxTokens,
    messages: messages.filter(({ role }) => role !== 'system'),
    ...(system.length > 0 && { system: system.join('\n\n') }),
    ...(!thinks && {
      // Newer models accept only one of temperature and top_p, and the newest accept neither.
      // Default values are therefore not sent.
      ...(sampling.temperature !== 1 && { temperature: sampling.temperature }),
      ...(sampling.topP !== 1 && { top_p: sampling.topP }),
      ...(sampling.stop.length > 0 && { stop_sequences: sampling.stop }),
    }),
    ...(jsonSchema !== null && {
      output_config: { format: { type: 'json_schema', schema: jsonSchema } },
    }),
    ...(onText && { stream: true }),
  };
  return { path: '/messages', body, model, signal, requestId, headers };
}

async function readMessage(
  name: string,
  endpoint: Endpoint,
  ask: EndpointRequest,
): Promise<AnthropicAnswer> {
  const { content, stop_reason, usage, model } = parseResponse(
    anthropicMessage,
    await endpoint.json(ask),
    name,
    'message',
  );
  const text = content.map((block) => (block.type === 'text' ? (block.text ?? '') : '')).join('');
  const counted = { promptTokens: promptTokens(usage), completionTokens: usage.output_tokens };
  return { text, finish: stop_reason ?? null, usage: counted, model, firstTokenMs: null };
}

async function readStream(
  name: string,
  endpoint: Endpoint,
  ask: EndpointRequest,
  onText: OnText,
  startedAt: number,
): Promise<AnthropicAnswer> {
  const read = {
    text: '',
    finish: null as string | null,
    prompt: 0,
    completion: 0,
    isCounted: true,
    model: ask.model ?? '',
    firstTokenMs: null as number | null,
  };
  const isWhole = await endpoint.stream(ask, ({ data }) => {
    const event = parseEvent(anthropicEvent, data, name);
    switch (event.type) {
      case 'message_start':
        read.model = event.message.model;
        read.prompt = promptTokens(event.message.usage);
        return 'more';
      case 'content_block_delta': {
        const delta = event.delta.type === 'text_delta' ? (event.delta.text ?? '') : '';
        if (delta === '') return 'more';
        read.firstTokenMs ??= performance.now() - startedAt;
        read.text += delta;
        return onText(delta)?.then(() => 'more') ?? 'more';
      }
      case 'message_delta':
        read.finish = event.delta.stop_reason ?? read.finish;
        read.completion = event.usage.output_tokens;
        return 'more';
      case 'message_stop':
        return 'last';
      case 'error':
        if (!isContentFilterError(event.error)) throw streamFailure(name, event.error.type);
        read.finish = 'refusal';
        read.isCounted = false;
        return 'last';
      case 'other':
        return 'more';
    }
  });
  if (!isWhole)
    throw failure(
      'AnswerLost',
      `provider ${name} ended the stream before the answer was complete, ` +
        `after ${read.text.length} characters`,
    );
  const usage = read.isCounted
    ? { promptTokens: read.prompt, completionTokens: read.completion }
    : null;
  return {
    text: read.text,
    finish: read.finish,
    usage,
    model: read.model,
    firstTokenMs: read.firstTokenMs,
  };
}

/** An error event inside a stream whose HTTP status was already 200. */
function streamFailure(name: string, type: string): Error {
  return failure(
    'AnswerLost',
    `provider ${name} sent an error in the middle of its stream: ` +
      type.replace(/[^\w-]/g, '').slice(0, 64),
  );
}

function promptTokens(usage: {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens?: number | null | undefined;
  readonly cache_read_input_tokens?: number | null | undefined;
}): number {
  return (
    usage.input_tokens +
    (usage.cache_creation_input_tokens ?? 0) +
    (usage.cache_read_input_tokens ?? 0)
  );
}

function toFinish(reason: string | null): ChatAnswer['finish'] {
  return reason === 'max_tokens' || reason === 'model_context_window_exceeded'
    ? 'length'
    : reason === 'refusal'
      ? 'filtered'
      : 'stop';
}
