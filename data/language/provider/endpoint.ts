import { isIP } from 'node:net';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { Agent, request, type Dispatcher, type FormData } from 'undici';
import { failure, isPerennialError } from '../../../domain/failure';
import { isPublicAddress, publicOnly } from '../../dataset/sources/addresses';
import { refusalFailure } from './provider-failure';

export interface EndpointSettings {
  readonly provider: string;
  /** Includes the version path where the protocol has one: `https://api.openai.com/v1`. */
  readonly url: string;
  /** Permits private addresses and plain HTTP, for servers on the same machine or network. */
  readonly allowPrivateAddresses: boolean;
  /** Called for each request, so that a changed key takes effect. Null when no key is needed. */
  readonly key: (() => Promise<string>) | null;
  readonly authorize: (key: string) => Readonly<Record<string, string>>;
}

export interface EndpointRequest {
  readonly path: string;
  /** The method for a request with a body; POST when not given. */
  readonly method?: 'PUT';
  /** Sent instead of a body, for example to upload a file. */
  readonly form?: FormData;
  /** Null for a form, or, without a form, for a GET. */
  readonly body: Readonly<Record<string, unknown>> | null;
  readonly model: string | null;
  readonly signal?: AbortSignal | undefined;
  readonly requestId?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

export type StreamEvent = Pick<EventSourceMessage, 'event' | 'data'>;
export type StreamStep = 'more' | 'last' | Promise<'more'>;

/**
 * The HTTP connection to one provider: address, authorization, and the failure types for refusals
 * and lost connections. It sends each request once.
 */
export interface Endpoint {
  json(ask: EndpointRequest): Promise<unknown>;
  /**
   * Pass each event to `take` until it returns 'last'. Reading pauses while a promise of `take` is
   * pending. Returns false when the server ended the stream before 'last': the answer is then
   * incomplete, even if the connection was closed cleanly.
   */
  stream(ask: EndpointRequest, take: (event: StreamEvent) => StreamStep): Promise<boolean>;
  close(): Promise<void>;
}

/** A batch of embeddings as JSON is the largest response. */
const maxBytes = 256 * 1024 * 1024;
const maxErrorBytes = 64 * 1024;
const maxEventBytes = 8 * 1024 * 1024;
const lingerMs = 1000;

export function openEndpoint(settings: EndpointSettings): Endpoint {
  const base = checkedUrl(settings);
  // The caller limits the time of a model, by its signal.
  const agent = new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 30_000,
    connect: {
      timeout: 10_000,
      ...(settings.allowPrivateAddresses
        ? {}
        : { lookup: publicOnly((host) => refusedAddress(settings, host)) }),
    },
  });
  const send = (ask: EndpointRequest) => sendTo(settings, base, agent, ask);
  return {
    async json(ask) {
      const text = await read(settings.provider, await send(ask), maxBytes, ask.signal);
      try {
        return JSON.parse(text) as unknown;
      } catch {
        throw failure(
          'AnswerLost',
          `provider ${settings.provider} sent a response that is not JSON ` +
            `(${text.length} characters)`,
        );
      }
    },
    async stream(ask, take) {
      const response = await send(ask);
      const type = String(response.headers['content-type'] ?? '');
      if (type.startsWith('text/event-stream'))
        return takeEvents(settings.provider, response.body, ask.signal, take);
      response.body.on('error', () => undefined).destroy();
      const received = type === '' ? 'no content type' : type;
      throw failure(
        'AnswerLost',
        `provider ${settings.provider} sent ${received} instead of text/event-stream`,
      );
    },
    close: () => agent.destroy(),
  };
}

async function sendTo(
  settings: EndpointSettings,
  base: URL,
  agent: Agent,
  ask: EndpointRequest,
): Promise<Dispatcher.ResponseData> {
  const { provider } = settings;
  const key = settings.key === null ? null : await settings.key();
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/$/, '')}${ask.path}`;
  for (const [name, value] of Object.entries(ask.query ?? {})) url.searchParams.set(name, value);
  const response = await request(url, {
    dispatcher: agent,
    method: ask.body === null && !ask.form ? 'GET' : (ask.method ?? 'POST'),
    ...(ask.form && { body: ask.form }),
    ...(ask.body !== null && { body: JSON.stringify(ask.body) }),
    ...(ask.signal && { signal: ask.signal }),
    headers: {
      accept: 'application/json, text/event-stream',
      'accept-encoding': 'identity',
      'user-agent': 'perennial',
      ...(ask.body !== null && { 'content-type': 'application/json' }),
      ...(ask.requestId !== undefined && { 'x-client-request-id': ask.requestId }),
      ...ask.headers,
      ...(key !== null && settings.authorize(key)),
    },
  }).catch((error: unknown) => {
    throw connectionFailure(provider, error, ask.signal);
  });
  if (response.statusCode >= 200 && response.statusCode < 300) return response;
  // The status is enough when the error body cannot be read.
  const body = await read(provider, response, maxErrorBytes, ask.signal).catch(() => '');
  ask.signal?.throwIfAborted();
  throw refusalFailure({
    provider,
    model: ask.model,
    status: response.statusCode,
    headers: response.headers,
    body,
  });
}

async function read(
  provider: string,
  response: Dispatcher.ResponseData,
  max: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > max)
        throw failure('AnswerLost', `provider ${provider} sent more than ${max} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw connectionFailure(provider, error, signal);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function takeEvents(
  provider: string,
  body: Dispatcher.ResponseData['body'],
  signal: AbortSignal | undefined,
  take: (event: StreamEvent) => StreamStep,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    let behind = 0;
    const end = (settle: () => void) => {
      isOver = true;
      settle();
    };
    const fail = (error: unknown) => {
      if (!isOver)
        end(() => reject(asError(catchThrown(() => connectionFailure(provider, error, signal)))));
      body.destroy();
    };
    const caughtUp = () => {
      behind -= 1;
      if (behind === 0) body.resume();
    };
    const parser = createParser({
      maxBufferSize: maxEventBytes,
      onEvent: (event) => {
        if (isOver) return;
        const taken = take(event);
        if (taken === 'more') return;
        if (taken !== 'last') {
          body.pause();
          behind += 1;
          void taken.then(caughtUp, fail);
          return;
        }
        end(() => resolve(true));
        // Wait for the end of the body, so that the connection can be reused. After that time,
        // close the connection of a server that keeps the body open.
        setTimeout(() => body.destroy(), lingerMs).unref();
      },
      onError: ({ type, message }) => {
        if (type === 'max-buffer-size-exceeded')
          throw failure(
            'AnswerLost',
            `provider ${provider} sent an event that is too long: ${message}`,
          );
      },
    });
    const decoder = new TextDecoder();
    body.on('data', (chunk: Buffer) => {
      if (isOver) return;
      try {
        parser.feed(decoder.decode(chunk, { stream: true }));
      } catch (error) {
        fail(error);
      }
    });
    body.on('end', () => {
      if (!isOver) end(() => resolve(false));
    });
    body.on('error', fail);
  });
}

/** The failure for a lost connection. Throws the reason of an aborted signal instead. */
function connectionFailure(
  provider: string,
  error: unknown,
  signal: AbortSignal | undefined,
): unknown {
  signal?.throwIfAborted();
  const known = [error, (error as Error | undefined)?.cause].find(isPerennialError);
  if (known) return known;
  const { code, name } = error as { code?: unknown; name?: string };
  const reason = typeof code === 'string' ? code : (name ?? 'unknown reason');
  const never =
    notConnected[reason] ??
    (/CERT|TLS_|SSL|SELF_SIGNED|UNABLE_TO_VERIFY/.test(reason)
      ? 'its certificate is not trusted'
      : undefined);
  if (never !== undefined)
    return failure('ProviderUnavailable', `provider ${provider}: ${never} (${reason})`, {
      cause: error,
    });
  return failure('AnswerLost', `provider ${provider}: the connection was lost (${reason})`, {
    cause: error,
  });
}

/** Failures before the request was sent. */
const notConnected: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name could not be resolved',
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'the host is unreachable',
  ENETUNREACH: 'the network is unreachable',
  UND_ERR_CONNECT_TIMEOUT: 'connecting to the host timed out',
};

function catchThrown(make: () => unknown): unknown {
  try {
    return make();
  } catch (error) {
    return error;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function checkedUrl(settings: EndpointSettings): URL {
  const { provider } = settings;
  const url = URL.canParse(settings.url) ? new URL(settings.url) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw failure('InvalidInput', `provider ${provider}: the address is not an http(s) URL`);
  // The message must not repeat the credential.
  if (url.username !== '' || url.password !== '')
    throw failure('InvalidInput', `provider ${provider}: the address contains a credential`, {
      next: 'refer to the key by { env: NAME } or { file: PATH }',
    });
  if (settings.allowPrivateAddresses) return url;
  if (url.protocol !== 'https:')
    throw failure('InvalidInput', `provider ${provider}: ${url.origin} does not use TLS`, {
      next: 'use an https URL; for a server of your own, set allowPrivateAddresses on the provider',
    });
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw refusedAddress(settings, host);
  return url;
}

function refusedAddress({ provider }: EndpointSettings, host: string): Error {
  return failure(
    'ProviderRefused',
    `provider ${provider}: ${host} is or resolves to a private, loopback or link-local address`,
    { next: 'for a server of your own, set allowPrivateAddresses on the provider' },
  );
}
