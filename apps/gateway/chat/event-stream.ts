import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { FastifyReply } from 'fastify';

/** Server-sent events of one answer (WHATWG HTML, 9.2), as the OpenAI API streams them. */
export interface EventStream {
  /**
   * Send an event; the headers go with the first one. Returns a promise while the client is slow. A
   * caller that does not wait for it fills the memory of this process.
   */
  send(json: string): Promise<void> | undefined;
  /** Send `[DONE]`, which marks a complete answer. */
  done(): void;
  cut(): void;
}

export interface StreamLimits {
  /** How long a client may read nothing. */
  readonly stallMs: number;
  readonly onStalled: () => void;
}

/**
 * After this the reply belongs to the stream; fastify's error handling and hooks no longer apply.
 */
export function openEventStream(
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  limits: StreamLimits,
): EventStream {
  reply.hijack();
  const { raw } = reply;
  let room: Promise<void> | undefined;
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    ...headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    // Prevents proxies from buffering the answer.
    'x-accel-buffering': 'no',
  });

  function roomAgain(): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        raw.off('drain', settle).off('close', settle);
        room = undefined;
        resolve();
      };
      const timer = setTimeout(limits.onStalled, limits.stallMs);
      raw.once('drain', settle).once('close', settle);
    });
  }

  /** Limits the time for written data that the client has not read yet. */
  function end(text: string): void {
    raw.end(text);
    if (raw.writableFinished || isClosed(raw)) return;
    const timer = setTimeout(() => raw.destroy(), limits.stallMs);
    raw.once('close', () => clearTimeout(timer));
  }

  return {
    send(json) {
      if (!raw.write(`data: ${json}\n\n`) && !isClosed(raw)) room ??= roomAgain();
      return room;
    },
    done: () => end('data: [DONE]\n\n'),
    cut: () => end(''),
  };
}

/** A response over HTTP/2 has no `destroyed`, but its stream has. */
function isClosed(raw: ServerResponse & Partial<Pick<Http2ServerResponse, 'stream'>>): boolean {
  return raw.stream?.destroyed ?? raw.destroyed;
}
