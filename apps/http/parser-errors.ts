import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { HttpProblem, toProblem } from './problem';
import { securityHeaders } from './security-headers';
import { traceContext } from './trace-context';

/**
 * Sends a problem for requests that Node's HTTP parser refuses, which reach no route and no hook.
 */
export function sendParserError(error: NodeJS.ErrnoException, socket: Socket): void {
  // The connection is closed, so no answer can be sent.
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const { traceId, traceparent } = traceContext(undefined);
  const problem = toProblem(toHttpProblem(error.code), traceId);
  const body = JSON.stringify(problem);
  const head = {
    ...securityHeaders({ tls: false }),
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(body)),
    traceparent,
    connection: 'close',
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  if (socket.writable)
    socket.write(
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n${lines.join('')}\r\n${body}`,
    );
  socket.destroySoon();
}

function toHttpProblem(code: string | undefined): HttpProblem {
  if (code === 'HPE_HEADER_OVERFLOW')
    return new HttpProblem(431, 'HeadersTooLarge', 'the headers have more than 16 KiB');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new HttpProblem(408, 'RequestTimeout', 'the request did not arrive in time');
  return new HttpProblem(400, 'InvalidHttp', 'this is not a valid HTTP request');
}
