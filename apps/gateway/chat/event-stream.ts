import type { FastifyReply } from 'fastify';

/** Server-sent events of one answer (WHATWG HTML, 9.2), as the OpenAI API streams them. */
export interface EventStream {
  /**
   * The head goes out with the first event. A promise when the reader is behind, kept when there is
   * room again: whoever goes on without waiting fills this process's memory.
   */
  send(json: string): Promise<void> | undefined;
  /** `[DONE]`: the answer is whole. Without it a client knows that it is not. */
  done(): void;
  cut(): void;
}

export interface StreamLimits {
  /** How long a reader may take nothing at all. */
  readonly stallMs: number;
  readonly onStalled: () => void;
}

/** From here on the reply is this stream's: fastify's own errors and hooks of sending are past. */
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
    // Proxies that would gather an answer before they hand it on.
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

  /** What is written already may still be waiting for its reader, but not for ever. */
  function end(text: string): void {
    raw.end(text);
    if (raw.writableFinished || raw.destroyed) return;
    const timer = setTimeout(() => raw.destroy(), limits.stallMs);
    raw.once('close', () => clearTimeout(timer));
  }

  return {
    send(json) {
      if (!raw.write(`data: ${json}\n\n`) && !raw.destroyed) room ??= roomAgain();
      return room;
    },
    done: () => end('data: [DONE]\n\n'),
    cut: () => end(''),
  };
}
