import type { FastifyReply } from 'fastify';

/** Server-sent events of one answer (WHATWG HTML, 9.2), as the OpenAI API streams them. */
export interface EventStream {
  /** The head goes out with the first event. */
  send(event: unknown): void;
  /** `[DONE]`: the answer is whole. Without it a client knows that it is not. */
  done(): void;
  cut(): void;
}

/** From here on the reply is this stream's: fastify's own errors and hooks of sending are past. */
export function openEventStream(reply: FastifyReply, headers: Readonly<Record<string, string>>): EventStream {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    // Proxies that would gather an answer before they hand it on.
    'x-accel-buffering': 'no',
  });
  return {
    send: (event) => void raw.write(`data: ${JSON.stringify(event)}\n\n`),
    done: () => void raw.end('data: [DONE]\n\n'),
    cut: () => void raw.end(),
  };
}
