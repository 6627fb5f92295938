import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { openAiErrorOf } from '../../http/openai-error';
import { problemOf } from '../../http/problem';
import { answerHeaders } from '../answer-headers';
import type { ChatCall, ChatHead, ChatReply } from '../chat/chat';
import { parseChatBody, type ChatBody } from '../chat/chat-request.schema';
import { chunkOf, completionOf, lastChunkOf, refusals, usageChunkOf } from '../chat/completion';
import { openEventStream, type EventStream } from '../chat/event-stream';
import { gatewayOverrides } from '../http-app';
import type { GatewayMetrics } from '../metrics';

export interface ChatRouteDeps {
  readonly chat: (call: ChatCall) => Promise<ChatReply>;
  readonly metrics: GatewayMetrics;
}

/** The OpenAI API's chat completions, where `model` is a bundle's name, `name@alias` or `name@version`. */
export function chatRoutes(app: FastifyInstance, { chat, metrics }: ChatRouteDeps): void {
  app.post('/v1/chat/completions', async (request, reply) => {
    const body = parseChatBody(request.body);
    const created = Math.floor(Date.now() / 1000);
    const call = { tenant: request.caller.tenant, body, arrivedAt: performance.now() - reply.elapsedTime, signal: goneSignal(reply) };
    return body.streams ? streamed(request, reply, call, created) : whole(reply, call, created);
  });

  async function whole(reply: FastifyReply, call: ChatCall, created: number): Promise<unknown> {
    const answered = await chat(call);
    count(answered, reply, 200);
    void reply.headers(headersOf(answered, call.body));
    return completionOf(answered, created);
  }

  /** Until the first piece an error is an ordinary answer; afterwards it is an event, and the stream ends without `[DONE]`. */
  async function streamed(request: FastifyRequest, reply: FastifyReply, call: ChatCall, created: number): Promise<FastifyReply> {
    const begun: { stream?: EventStream; head?: ChatHead; text?: true } = {};
    const begin = (head: ChatHead): EventStream => {
      if (begun.stream) return begun.stream;
      begun.head = head;
      begun.stream = openEventStream(reply, headersOf(head, call.body));
      begun.stream.send(chunkOf(head, created, { role: 'assistant', content: '' }));
      return begun.stream;
    };
    try {
      const answered = await chat({
        ...call,
        onText: (head, content) => {
          begun.text = true;
          begin(head).send(chunkOf(head, created, { content }));
        },
      });
      const stream = begin(answered);
      if (answered.blocked !== null) stream.send(chunkOf(answered, created, { refusal: refusals[answered.blocked] }));
      else if (!begun.text) stream.send(chunkOf(answered, created, { content: answered.answer.text }));
      stream.send(lastChunkOf(answered, created));
      if (call.body.usageWanted) stream.send(usageChunkOf(answered, created));
      stream.done();
      count(answered, reply, 200);
    } catch (error) {
      if (!begun.stream || !begun.head) throw error;
      const problem = problemOf(error as Error, request.traceId, gatewayOverrides);
      request.log.warn({ err: error, traceId: request.traceId }, 'an answer broke off');
      count(begun.head, reply, problem.status);
      begun.stream.send(openAiErrorOf(problem));
      begun.stream.cut();
    }
    return reply;
  }

  function count({ served, arm, stale }: ChatHead, reply: FastifyReply, status: number): void {
    const { model, version } = served;
    metrics.request({ model, version, arm, status, seconds: reply.elapsedTime / 1000 });
    if (stale !== null) metrics.staleAnswer();
  }
}

function headersOf(head: ChatHead, { fixed }: ChatBody): Readonly<Record<string, string>> {
  return { ...answerHeaders(head), ...(fixed.length === 0 ? {} : { 'x-perennial-fixed-parameters': fixed.join(', ') }) };
}

/** Nobody pays for the rest of an answer that nobody reads. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
