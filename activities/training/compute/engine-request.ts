import { request, type Dispatcher } from 'undici';
import type { z } from 'zod';
import { failure, isPerennialError, type PerennialError } from '../../../domain/failure';
import { redact } from './redact';

/** A request to the REST API of an engine. */
export interface EngineCall {
  /** Names the engine in errors, such as `Slurm at http://head:6820`. */
  readonly engine: string;
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Values of headers that no error may show. */
  readonly secrets: readonly string[];
  /** Connections with certificates of their own, or through a proxy. */
  readonly dispatcher?: Dispatcher;
}

export interface EngineAnswer {
  readonly status: number;
  /** How long the engine asks to wait before the next request, if it does. */
  readonly retryAfterSeconds: number | null;
  readonly contentType: string;
  readonly text: string;
}

const timeoutMilliseconds = 10_000;
/** The list of all jobs of a large cluster, or the log of a job. */
const maxBytes = 256 * 2 ** 20;

/**
 * Sends the request once. Returns an answer of any status.
 * @throws BackendUnavailable if there is no complete answer within 10 seconds
 */
export async function askEngine(ask: EngineCall): Promise<EngineAnswer> {
  const signal = AbortSignal.timeout(timeoutMilliseconds);
  try {
    const { statusCode, headers, body } = await request(ask.url, {
      method: ask.method,
      headers: {
        accept: 'application/json',
        ...(ask.body !== undefined && { 'content-type': 'application/json' }),
        ...ask.headers,
      },
      ...(ask.body !== undefined && { body: JSON.stringify(ask.body) }),
      // A connection that the server closes just now would lose the request.
      reset: true,
      signal,
      ...(ask.dispatcher !== undefined && { dispatcher: ask.dispatcher }),
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new Error(`the answer exceeds ${maxBytes / 2 ** 20} MiB`);
      chunks.push(chunk);
    }
    return {
      status: statusCode,
      retryAfterSeconds: secondsIn(headers['retry-after']),
      contentType: String(headers['content-type'] ?? 'no content type'),
      text: Buffer.concat(chunks).toString(),
    };
  } catch (error) {
    const why = signal.aborted
      ? `no answer within ${timeoutMilliseconds / 1000} seconds`
      : describeError(error);
    throw unavailable(ask, `cannot be reached: ${excerpt(why, ask.secrets)}`, error);
  }
}

/** @throws BackendUnavailable if the answer is no JSON of this shape */
export function readAnswer<Schema extends z.ZodType>(
  ask: EngineCall,
  answer: EngineAnswer,
  schema: Schema,
): z.output<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(answer.text);
  } catch {
    throw unavailable(
      ask,
      `answered HTTP ${answer.status} with ${answer.contentType} that is not JSON: ` +
        excerpt(answer.text, ask.secrets),
    );
  }
  return readPart(ask, json, schema);
}

/** @throws BackendUnavailable if a part of an answer does not have this shape */
export function readPart<Schema extends z.ZodType>(
  ask: EngineCall,
  part: unknown,
  schema: Schema,
): z.output<Schema> {
  const parsed = schema.safeParse(part);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unavailable(
    ask,
    'sent JSON of an unexpected shape ' +
      `(${issue?.path.join('.') || 'top level'}: ${issue?.message ?? 'invalid'})`,
  );
}

export function unavailable(ask: EngineCall, what: string, cause?: unknown): PerennialError {
  return failure('BackendUnavailable', `${ask.engine} ${what} (${formatCall(ask)})`, {
    ...(cause !== undefined && { cause }),
    next: `Check that ${ask.engine} is running and that its address in the settings is right`,
  });
}

/** The answer of `check` if the engine could not be asked. */
export function notReady(error: unknown): { readonly ready: false; readonly detail: string } {
  if (!isPerennialError(error)) throw error;
  const sentences = [error.message, error.next].filter((text) => text !== undefined);
  return { ready: false, detail: sentences.join('. ') };
}

export function formatCall({ method, url }: EngineCall): string {
  return `${method} ${new URL(url).pathname}`;
}

/** The beginning of a text of the engine as one line without secrets. */
export function excerpt(text: string, secrets: readonly string[]): string {
  const open = secrets.reduce(
    (left, secret) => (secret === '' ? left : left.replaceAll(secret, '***')),
    text,
  );
  const line = redact(open)
    .replace(/[\s\u0000-\u001f\u007f]+/g, ' ')
    .trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}

/** The other form of the header, a date, is not used by engines. */
function secondsIn(header: string | string[] | undefined): number | null {
  return typeof header === 'string' && /^\d{1,9}$/.test(header) ? Number(header) : null;
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message !== '' ? error.message : (code ?? error.name);
}
