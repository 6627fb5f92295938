import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';

export interface Http2Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A request whose body the test may send in parts. */
export interface Http2Call {
  readonly stream: ClientHttp2Stream;
  /** All that was read so far. */
  text(): string;
  /** Resolves at the end of the answer; rejects if there is none. */
  readonly answer: Promise<Http2Answer>;
}

/** One connection by HTTP/2, whose server must have a certificate of `ca`. */
export interface Http2Client {
  readonly session: ClientHttp2Session;
  /** Sends the headers, and the body if there is one. */
  open(path: string, options?: CallOptions): Http2Call;
  call(path: string, options?: CallOptions): Promise<Http2Answer>;
  close(): void;
}

export interface CallOptions {
  readonly key?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Leave the body open after what `body` has. */
  readonly unfinished?: boolean;
}

export function openHttp2(url: string, ca: string): Http2Client {
  const session = connect(url, { ca });
  session.on('error', () => undefined);

  function open(path: string, options: CallOptions = {}): Http2Call {
    const { key, body, headers, unfinished = false } = options;
    const stream = session.request(
      {
        ':path': path,
        ':method': body === undefined && !unfinished ? 'GET' : 'POST',
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...headers,
      },
      { endStream: false },
    );
    let [text, answered] = ['', {} as Readonly<Record<string, unknown>>];
    stream.setEncoding('utf8');
    stream.on('response', (given) => (answered = given));
    stream.on('data', (piece: string) => (text += piece));
    stream.on('error', () => undefined);
    const answer = new Promise<Http2Answer>((resolve, reject) =>
      stream.once('close', () => {
        if (':status' in answered && stream.readableEnded)
          resolve({ status: Number(answered[':status']), headers: answered, text });
        else reject(new Error(`the stream ended with code ${stream.rstCode}`));
      }),
    );
    answer.catch(() => undefined);
    if (body !== undefined) stream.write(typeof body === 'string' ? body : JSON.stringify(body));
    if (!unfinished) stream.end();
    return { stream, answer, text: () => text };
  }

  return {
    session,
    open,
    call: (path, options) => open(path, options).answer,
    close: () => session.destroy(),
  };
}
