import type { FastifyReply } from 'fastify';

export interface AnswerEvents {
  send(data: object): void;
  /** Says that the answer is whole. */
  end(): void;
  /** Ends without that, after the error. */
  fail(error: object): void;
}

/**
 * Server-sent events as OpenAI's clients read them. Takes the connection over from fastify. A
 * client that reads slower than a model writes is rare enough to buffer for.
 */
export function openEventStream(reply: FastifyReply): AnswerEvents {
  reply.hijack();
  const { raw } = reply;
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
  });
  const write = (data: string): void => {
    if (!raw.destroyed && !raw.writableEnded) raw.write(`data: ${data}\n\n`);
  };
  return {
    send: (data) => write(JSON.stringify(data)),
    end() {
      write('[DONE]');
      raw.end();
    },
    fail(error) {
      write(JSON.stringify(error));
      raw.end();
    },
  };
}
