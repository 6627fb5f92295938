/**
 * Sends requests over a fixed number of connections and reads only what a load generator needs. On
 * two cores, a client with all the features of HTTP takes as much processor time as the server, and
 * would measure itself. It understands servers that answer with a `content-length`.
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
  const waiting: Waiting[] = [];
  const free: Connection[] = [];
  const next = (connection: Connection): void => {
    const work = waiting.shift();
    if (work === undefined) free.push(connection);
    else connection.send(work);
  };
  const all = Array.from(
    { length: connections },
    () =>
      new Connection(() => connect({ host: hostname, port: Number(port), noDelay: true }), next),
  );
  free.push(...all);
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

/** One request at a time. A broken connection is opened again for the next one. */
class Connection {
  private socket: Socket | null = null;
  private work: Waiting | null = null;
  private answer = '';

  constructor(
    private readonly open: () => Socket,
    private readonly onFree: (connection: Connection) => void,
  ) {}

  send(work: Waiting): void {
    this.work = work;
    this.socket ??= this.opened();
    this.socket.write(work.request);
  }

  close(): void {
    this.socket?.destroy();
  }

  private opened(): Socket {
    const socket = this.open();
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.read(text));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.socket = null;
      if (this.work !== null) this.end(0);
    });
    return socket;
  }

  private read(text: string): void {
    this.answer += text;
    const headEnd = this.answer.indexOf('\r\n\r\n');
    if (headEnd === -1) return;
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.answer.slice(0, headEnd))?.[1];
    if (length === undefined) {
      this.socket?.destroy(new Error('an answer without a content-length'));
      return;
    }
    if (this.answer.length < headEnd + 4 + Number(length)) return;
    this.end(Number(this.answer.slice(9, 12)));
  }

  private end(status: number): void {
    const { work } = this;
    this.work = null;
    this.answer = '';
    work?.done(status);
    this.onFree(this);
  }
}
