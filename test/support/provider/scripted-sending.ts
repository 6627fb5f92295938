import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, Wire, WireAnswer } from './scripted-provider';

interface Sending {
  readonly response: ServerResponse;
  readonly wire: Wire;
  readonly answer: WireAnswer;
  readonly fault: Fault | null;
}

interface Streaming {
  readonly pieces: readonly string[];
  readonly msPerToken: number;
}

export async function sendWhole({ response, wire, answer, fault }: Sending): Promise<void> {
  const text = JSON.stringify(wire.whole(answer));
  switch (fault?.kind) {
    case 'stall':
      return stall(response);
    case 'cut':
    case 'errorEvent':
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': text.length,
      });
      response.write(text.slice(0, text.length / 2), () => response.destroy());
      return;
    case 'truncated':
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(text.slice(0, text.length / 2));
      return;
    case 'garbage':
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"choices": "<oops>"}');
      return;
    case 'error':
    case 'rateLimited':
    case undefined:
      json(response, 200, JSON.parse(text) as unknown);
  }
}

export async function sendStream({
  response,
  wire,
  answer,
  pieces,
  fault,
  msPerToken,
}: Sending & Streaming): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of wire.head(answer)) response.write(event);
  const stop =
    fault !== null && 'afterTokens' in fault ? fault.afterTokens : Number.POSITIVE_INFINITY;
  for (const [place, piece] of pieces.entries()) {
    if (place >= stop) break;
    if (msPerToken > 0) await sleep(msPerToken);
    // The client has disconnected.
    if (response.destroyed) return;
    response.write(wire.piece(piece, answer));
  }
  switch (fault?.kind) {
    case 'stall':
      return stall(response);
    case 'cut':
      await new Promise((resolve) => response.write(': cut\n\n', resolve));
      response.destroy();
      return;
    case 'truncated':
      response.end();
      return;
    case 'garbage':
      response.end('data: {"choices": [{"delta"\n\n');
      return;
    case 'errorEvent':
      response.end(wire.errorEvent(fault.error));
      return;
    case 'error':
    case 'rateLimited':
    case undefined:
      response.end(wire.tail(answer).join(''));
  }
}

/** Resolves when the client disconnects. */
function stall(response: ServerResponse): Promise<void> {
  response.flushHeaders();
  return new Promise((resolve) => response.once('close', resolve));
}

export function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
