import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { WrittenAnswer } from '../answer';
import { ApiError, errorBody } from '../api-error';
import type { ChatRequestBody } from '../chat-request.schema';
import { parseChatRequest } from '../chat-request.schema';
import type { PendingAnswer, EngineRequest, Engine } from '../engine';
import type { GrammarSpec } from '../grammars';
import type { LlmServerMetrics } from '../metrics';
import { parseAdapter } from '../model-names';
import { openEventStream } from '../event-stream';

export interface ChatRoutesOptions {
  readonly engine: () => Engine;
  readonly modelName: string;
  readonly metrics: LlmServerMetrics;
  /** Counts the answers in progress. */
  readonly writing: <T>(work: () => Promise<T>) => Promise<T>;
}

export function chatRoutes(
  app: FastifyInstance,
  { engine, modelName, metrics, writing }: ChatRoutesOptions,
): void {
  app.post('/v1/chat/completions', async (request, reply) => {
    const body = parseChatRequest(request.body);
    const wish = toEngineRequest(body, modelName);
    const gone = clientGone(reply);
    const head = {
      id: `chatcmpl-${randomUUID()}`,
      created: Math.floor(Date.now() / 1000),
      model: body.model,
    };
    const begun = await engine().begin(wish, gone);
    return writing(async () => {
      try {
        if (body.stream === true)
          return await streamAnswer(
            reply,
            begun,
            head,
            body.stream_options?.include_usage === true,
            metrics,
            gone,
          );
        const answer = await begun.write(() => undefined);
        count(metrics, begun, answer);
        return await reply.send({
          ...head,
          object: 'chat.completion',
          choices: [
            {
              index: 0,
              message: { role: 'assistant', content: answer.text, refusal: null },
              logprobs: null,
              finish_reason: answer.finish,
            },
          ],
          usage: toUsage(begun, answer),
        });
      } catch (error) {
        if (gone.aborted) metrics.cancelled();
        throw error;
      }
    });
  });
}

async function streamAnswer(
  reply: FastifyReply,
  begun: PendingAnswer,
  head: object,
  withUsage: boolean,
  metrics: LlmServerMetrics,
  gone: AbortSignal,
): Promise<FastifyReply> {
  const stream = openEventStream(reply);
  const chunk = (delta: object, finish: WrittenAnswer['finish'] | null): object => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...(withUsage ? { usage: null } : {}),
  });
  try {
    stream.send(chunk({ role: 'assistant', content: '' }, null));
    const answer = await begun.write((text) => stream.send(chunk({ content: text }, null)));
    count(metrics, begun, answer);
    stream.send(chunk({}, answer.finish));
    if (withUsage)
      stream.send({
        ...head,
        object: 'chat.completion.chunk',
        choices: [],
        usage: toUsage(begun, answer),
      });
    stream.end();
  } catch (error) {
    if (gone.aborted) metrics.cancelled();
    else reply.log.error({ err: error }, 'an answer was interrupted');
    // The headers are sent, so the error can only be an event.
    stream.fail(
      errorBody(
        error instanceof ApiError
          ? error
          : new ApiError(500, 'the answer was interrupted', { code: 'internal_error' }),
      ),
    );
  }
  return reply;
}

function toEngineRequest(body: ChatRequestBody, modelName: string): EngineRequest {
  return {
    adapter: parseAdapter(body.model, modelName),
    messages: body.messages.map(({ role, content }) => ({ role, content })),
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? null,
    sampling: {
      temperature: body.temperature ?? 1,
      topP: body.top_p ?? 1,
      seed: body.seed ?? null,
      stop: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []),
    },
    frequencyPenalty: body.frequency_penalty ?? 0,
    presencePenalty: body.presence_penalty ?? 0,
    grammar: findGrammar(body),
  };
}

function findGrammar({ grammar, response_format: format }: ChatRequestBody): GrammarSpec | null {
  if (grammar) return { kind: 'gbnf', text: grammar };
  if (format?.type === 'json_object') return { kind: 'json' };
  if (format?.type === 'json_schema') return { kind: 'schema', schema: format.json_schema.schema };
  return null;
}

/** Aborts when the connection is closed before the answer is complete, to save its computation. */
function clientGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished)
      gone.abort(new ApiError(499, 'the client closed the connection', { code: 'client_closed' }));
  });
  return gone.signal;
}

function toUsage(
  { promptTokens }: PendingAnswer,
  { completionTokens, cachedTokens }: WrittenAnswer,
): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

function count(
  metrics: LlmServerMetrics,
  { promptTokens }: PendingAnswer,
  { cachedTokens, completionTokens, firstTokenMs }: WrittenAnswer,
): void {
  metrics.answer({
    prompt: promptTokens,
    cached: cachedTokens,
    completion: completionTokens,
    firstTokenMs,
  });
}
