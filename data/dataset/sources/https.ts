import { createWriteStream } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Agent, request, type Dispatcher } from 'undici';
import { formatByteSize } from '../../../domain/byte-size';
import { isPerennialError } from '../../../domain/failure';
import { isPublicAddress, publicOnly } from './addresses';
import type { FetchedFiles, SourceFetch } from './source-fetch';
import { limitBytes } from './limits';
import { sourceFailure } from './source-failure';

const maxRedirects = 5;
/** Longest time without a byte from the server. */
const silenceMs = 30_000;

/**
 * Downloads by one GET. Each hop, including redirects, is checked: its scheme and the address of
 * the connection.
 */
export async function fetchHttps(fetch: SourceFetch): Promise<FetchedFiles> {
  const { policy, signal, source } = fetch;
  const agent = new Agent({
    connect: {
      timeout: 10_000,
      ...(policy.allowPrivateAddresses
        ? {}
        : { lookup: publicOnly((host) => refusedAddress(host, source)) }),
    },
    headersTimeout: silenceMs,
    bodyTimeout: silenceMs,
  });
  try {
    return await save(await follow(fetch, agent), fetch);
  } catch (error) {
    signal.throwIfAborted();
    throw explainFailure(error, source);
  } finally {
    await agent.destroy();
  }
}

async function follow(fetch: SourceFetch, agent: Agent): Promise<Dispatcher.ResponseData> {
  const { source, signal } = fetch;
  let url = new URL(source.uri);
  for (let hop = 0; hop <= maxRedirects; hop++) {
    checkHop(url, fetch);
    const headers = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'perennial' };
    const response = await request(url, { dispatcher: agent, signal, headers });
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.statusCode) || typeof location !== 'string')
      return response;
    await response.body.dump();
    url = new URL(location, url);
  }
  throw sourceFailure(
    'SourceRefused',
    source,
    `the server redirects more than ${maxRedirects} times`,
  );
}

function checkHop(url: URL, { source, policy }: SourceFetch): void {
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && policy.allowPrivateAddresses)) {
    throw sourceFailure(
      'SourceRefused',
      source,
      `the server redirects to ${url.protocol}//, which sources must not use`,
    );
  }
  // A connection to a literal address makes no name lookup, so it is checked here.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !policy.allowPrivateAddresses && !isPublicAddress(host))
    throw refusedAddress(host, source);
}

async function save(
  response: Dispatcher.ResponseData,
  { source, into, limits, signal, onProgress }: SourceFetch,
): Promise<FetchedFiles> {
  const { statusCode, headers, body } = response;
  const tooLarge = (detail: string): Error =>
    sourceFailure('SourceTooLarge', source, detail, { next: 'raise spec.data.limits.size' });
  const declared = Number(headers['content-length'] ?? 0);
  const problem =
    statusCode !== 200
      ? refusedStatus(statusCode, source)
      : headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity'
        ? sourceFailure(
            'SourceRefused',
            source,
            'the server compressed the file although the request did not accept that',
          )
        : declared > limits.maxBytes
          ? tooLarge(`the file has ${declared} bytes, more than ${formatByteSize(limits.maxBytes)}`)
          : null;
  if (problem) {
    body.on('error', () => undefined).destroy();
    throw problem;
  }
  const path = join(into, 'download');
  let bytes = 0;
  const counted = limitBytes(limits.maxBytes, tooLarge, (read) => onProgress((bytes = read)));
  await pipeline(body, counted, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal });
  return { paths: [path], bytes };
}

function refusedStatus(status: number, source: SourceFetch['source']): Error {
  const passing = status >= 500 || status === 408 || status === 425 || status === 429;
  if (passing) return sourceFailure('SourceUnreachable', source, `the server answered ${status}`);
  if (status === 404 || status === 410)
    return sourceFailure(
      'NotFound',
      source,
      `the server answered ${status}: the file does not exist`,
    );
  return sourceFailure('SourceRefused', source, `the server answered ${status}`, {
    ...([401, 403].includes(status) && {
      next: 'sources are requested without credentials: make the file public or copy it to s3://',
    }),
  });
}

function refusedAddress(host: string, source: SourceFetch['source']): Error {
  return sourceFailure(
    'SourceRefused',
    source,
    `${host} is, or resolves to, a private, loopback or link-local address`,
    {
      next: 'to read from a private network, start the worker with PERENNIAL_INGEST_PRIVATE_ADDRESSES=true',
    },
  );
}

function explainFailure(error: unknown, source: SourceFetch['source']): Error {
  const known = [error, (error as Error | undefined)?.cause].find(isPerennialError);
  if (known) return known;
  const code = readCode(error);
  if (/CERT|TLS_|SSL|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code)) {
    return sourceFailure(
      'SourceRefused',
      source,
      `the server's certificate is not trusted (${code})`,
      {
        cause: error,
        next: 'add the certificate authority of the server to NODE_EXTRA_CA_CERTS',
      },
    );
  }
  return sourceFailure(
    'SourceUnreachable',
    source,
    `${reasons[code] ?? 'the transfer failed'} (${code})`,
    { cause: error },
  );
}

const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the host is unknown',
  EAI_AGAIN: 'the name lookup of the host failed',
  ECONNREFUSED: 'the host refused the connection',
  EHOSTUNREACH: 'the host is unreachable',
  ENETUNREACH: 'the network of the host is unreachable',
  UND_ERR_CONNECT_TIMEOUT: 'the connection timed out',
  UND_ERR_HEADERS_TIMEOUT: 'the server did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'the server stopped sending',
};

function readCode(error: unknown): string {
  const { code, name, errors } = error as {
    code?: unknown;
    name?: string;
    errors?: readonly unknown[];
  };
  if (typeof code === 'string') return code;
  // Several addresses were tried; the error of the first is enough.
  return errors?.[0] === undefined ? (name ?? 'unknown reason') : readCode(errors[0]);
}
