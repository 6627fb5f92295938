import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { toOpenAiError } from '../../http/openai-error';
import { HttpProblem, toProblem } from '../../http/problem';
import { answerHeaders } from '../inference/answer-headers';
import type { ChatCall, ChatHead, ChatReply } from '../chat/chat-call';
import { parseChatBody, type ChatBody } from '../chat/chat-request.schema';
import {
  buildChunk,
  buildCompletion,
  buildLastChunk,
  pieceEncoder,
  refusals,
  buildUsageChunk,
} from '../chat/completion';
import { openEventStream, type EventStream } from '../chat/event-stream';
import { clientClosedStatus, type OpenAnswer, type OpenAnswers } from '../chat/open-answers';
import { gatewayOverrides } from '../http-app';
import type { GatewayMetrics } from '../metrics';
import type { RequestsInProgress } from '../prediction-log/requests-in-progress';
import { requireBundle } from '../model/served-version';

export interface ChatRouteDeps {
  readonly chat: (call: ChatCall) => Promise<ChatReply>;
  readonly answers: Pick<OpenAnswers, 'open'>;
  readonly requests: Pick<RequestsInProgress, 'begin' | 'end'>;
  readonly metrics: GatewayMetrics;
  readonly stallMs: number;
}

/** Cached keys are at most 10 s old, so the streams of a revoked key end within 12 s. */
const keyCheckMs = 2_000;

/** A stream in progress. */
interface StartedAnswer {
  readonly head: ChatHead;
  readonly stream: EventStream;
  readonly encode: (content: string) => string;
}

/**
 * The OpenAI API's chat completions. `model` is the name of a bundle, `name@alias` or
 * `name@version`.
 */
export function chatRoutes(
  app: FastifyInstance,
  { chat, answers, requests, metrics, stallMs }: ChatRouteDeps,
): void {
  app.post('/v1/chat/completions', async (request, reply) => {
    const body = parseChatBody(request.body);
    const created = Math.floor(Date.now() / 1000);
    const open = answers.open(reply.raw);
    countInProgress(request, reply, body.model);
    const { tenant } = request.caller;
    const call = {
      tenant,
      body,
      arrivedAt: performance.now() - reply.elapsedTime,
      signal: open.signal,
    };
    return body.streams
      ? streamReply(request, reply, { call, open, created })
      : whole(reply, call, created);
  });

  /** Counts requests in progress as for inference, without the platform's own requests. */
  function countInProgress(
    { caller, raw }: FastifyRequest,
    reply: FastifyReply,
    name: string,
  ): void {
    // Of a client that has hung up no event follows.
    if (caller.isService || raw.socket.destroyed) return;
    const [model = ''] = name.split('@');
    const counted = requests.begin(caller.tenant, model);
    reply.raw.once('close', () => requests.end(counted));
  }

  async function whole(reply: FastifyReply, call: ChatCall, created: number): Promise<unknown> {
    const answered = await chat(call);
    count(answered, reply, 200);
    void reply.headers(buildHeaders(answered, call.body));
    // In a stream, the sources come with the last chunk.
    const notReranked = answered.retrieved?.notReranked;
    if (notReranked) void reply.header('x-perennial-not-reranked', notReranked);
    return buildCompletion(answered, created);
  }

  /**
   * Before the first piece an error is a normal response. After it, it is an event, and the stream
   * ends without `[DONE]`.
   */
  async function streamReply(
    request: FastifyRequest,
    reply: FastifyReply,
    {
      call,
      open,
      created,
    }: { readonly call: ChatCall; readonly open: OpenAnswer; readonly created: number },
  ): Promise<FastifyReply> {
    const said: { begun: StartedAnswer | null; hasText: boolean } = { begun: null, hasText: false };
    const begin = (head: ChatHead): StartedAnswer => {
      const limits = { stallMs, onStalled: () => open.stop(readerStalled(stallMs)) };
      const stream = openEventStream(reply, buildHeaders(head, call.body), limits);
      void stream.send(
        JSON.stringify(buildChunk(head, created, { role: 'assistant', content: '' })),
      );
      return { head, stream, encode: pieceEncoder(head, created) };
    };
    const watch = watchKey(request, open);
    try {
      const answered = await chat({
        ...call,
        onText: (head, content) => {
          said.begun ??= begin(head);
          said.hasText = true;
          return said.begun.stream.send(said.begun.encode(content));
        },
      });
      const { stream, encode } = (said.begun ??= begin(answered));
      if (answered.blocked !== null)
        void stream.send(
          JSON.stringify(buildChunk(answered, created, { refusal: refusals[answered.blocked] })),
        );
      else if (!said.hasText) void stream.send(encode(answered.answer.text));
      void stream.send(JSON.stringify(buildLastChunk(answered, created)));
      if (call.body.usageWanted)
        void stream.send(JSON.stringify(buildUsageChunk(answered, created)));
      stream.done();
      count(answered, reply, 200);
    } catch (error) {
      if (said.begun === null) throw error;
      breakOff(request, reply, said.begun, error as Error);
    } finally {
      clearInterval(watch);
    }
    return reply;
  }

  function breakOff(
    request: FastifyRequest,
    reply: FastifyReply,
    { head, stream }: StartedAnswer,
    error: Error,
  ): void {
    const problem = toProblem(error, request.traceId, gatewayOverrides);
    count(head, reply, problem.status);
    // Thousands of clients may disconnect in one second.
    if (problem.status === clientClosedStatus) return;
    request.log.warn({ err: error, traceId: request.traceId }, 'an answer was interrupted');
    void stream.send(JSON.stringify(toOpenAiError(problem)));
    stream.cut();
  }

  function count({ served, arm, stale }: ChatHead, reply: FastifyReply, status: number): void {
    const { tenant, model, version } = served;
    metrics.request({ tenant, model, version, arm, status, seconds: reply.elapsedTime / 1000 });
    if (stale !== null) metrics.staleAnswer();
  }
}

function buildHeaders(head: ChatHead, { fixed }: ChatBody): Readonly<Record<string, string>> {
  const { index } = requireBundle(head.served);
  return {
    ...answerHeaders(head),
    ...(index && { 'x-perennial-index-version': `${index.name}@${index.version}` }),
    ...(fixed.length === 0 ? {} : { 'x-perennial-fixed-parameters': fixed.join(', ') }),
  };
}

/**
 * End a stream soon after its key was revoked or has expired. It continues while the registry is
 * not available.
 */
function watchKey(request: FastifyRequest, open: OpenAnswer): NodeJS.Timeout {
  const look = async (): Promise<void> => {
    if (await request.isKeyValid()) return;
    open.stop(
      new HttpProblem(
        401,
        'InvalidApiKey',
        'this API key was revoked or has expired, so its stream was closed',
        'perennial key create',
      ),
    );
  };
  return setInterval(() => void look().catch(() => undefined), keyCheckMs).unref();
}

function readerStalled(stallMs: number): HttpProblem {
  return new HttpProblem(
    408,
    'ReaderStalled',
    `the client read nothing of this stream for ${stallMs / 1000} s, so it was closed`,
    'send the request again, and read the stream as it arrives',
  );
}
