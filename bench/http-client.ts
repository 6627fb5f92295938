/**
 * Sends requests over a fixed number of connections and reads only what a load generator needs. It
 * shares the two cores with the server, so the server lacks what the client costs. It understands
 * servers that answer with a `content-length`.
 */
import { connect, type Socket } from 'node:net';

export interface HttpClient {
  /** Waits for a free connection. `done` gets the status, or 0 when the connection broke. */
  ask(request: Buffer, done: (status: number) => void): void;
  close(): void;
}

export interface RequestParts {
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The bytes of a POST over HTTP/1.1. */
export function requestBytes({ origin, path, headers }: RequestParts, body: string): Buffer {
  const lines = Object.entries({
    host: new URL(origin).host,
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

interface Waiting {
  readonly request: Buffer;
  readonly done: (status: number) => void;
}

export function openHttpClient(origin: string, connections: number): HttpClient {
  const { hostname, port } = new URL(origin);
  const open = () => connect({ host: hostname, port: Number(port), noDelay: true });
  const waiting: Waiting[] = [];
  const free: HttpConnection[] = [];
  const all = Array.from({ length: connections }, () => openConnection(open, next));
  free.push(...all);

  function next(connection: HttpConnection): void {
    const work = waiting.shift();
    if (work === undefined) free.push(connection);
    else connection.send(work);
  }

  return {
    ask(request, done) {
      const connection = free.pop();
      if (connection === undefined) waiting.push({ request, done });
      else connection.send({ request, done });
    },
    close: () => {
      for (const connection of all) connection.close();
    },
  };
}

/** Carries one request at a time. A broken connection is opened again for the next one. */
interface HttpConnection {
  send(work: Waiting): void;
  close(): void;
}

function openConnection(
  open: () => Socket,
  onFree: (connection: HttpConnection) => void,
): HttpConnection {
  let socket: Socket | null = null;
  let work: Waiting | null = null;
  let answer = '';
  const connection: HttpConnection = {
    send(next) {
      work = next;
      socket ??= listenedTo(open());
      socket.write(next.request);
    },
    close: () => void socket?.destroy(),
  };

  function listenedTo(opened: Socket): Socket {
    opened.setEncoding('latin1');
    opened.on('data', read);
    opened.on('error', () => undefined);
    opened.on('close', () => {
      socket = null;
      if (work !== null) end(0);
    });
    return opened;
  }

  function read(text: string): void {
    answer += text;
    const headEnd = answer.indexOf('\r\n\r\n');
    if (headEnd === -1) return;
    const length = /\r\ncontent-length: *(\d+)/i.exec(answer.slice(0, headEnd))?.[1];
    if (length === undefined) socket?.destroy(new Error('an answer without a content-length'));
    else if (answer.length >= headEnd + 4 + Number(length)) end(Number(answer.slice(9, 12)));
  }

  function end(status: number): void {
    const ended = work;
    work = null;
    answer = '';
    ended?.done(status);
    onFree(connection);
  }

  return connection;
}
