import type { FastifyReply } from 'fastify';

export interface AnswerEvents {
  send(data: object): void;
  /** Mark the answer as complete and close the stream. */
  end(): void;
  /** Send the error and close the stream without that mark. */
  fail(error: object): void;
}

/**
 * Server-sent events in the format of OpenAI's clients. Takes the connection over from fastify.
 * Data for a slow client is buffered, because models rarely write faster than clients read.
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
