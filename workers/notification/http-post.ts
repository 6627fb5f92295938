/** One POST request to a receiver of notifications. */
import { isIP } from 'node:net';
import { request, type Dispatcher } from 'undici';
import { isPublicAddress } from '../../data/dataset/sources/addresses';
import { failure } from '../../domain/failure';
import { throwIfAborted } from './error-text';

export interface PostSettings {
  readonly allowPrivateAddresses: boolean;
  /** Time limit of the whole request. */
  readonly timeoutMs: number;
}

/** How a receiver of any channel responded. */
export interface DeliveryResponse {
  /** The status of HTTP or SMTP. */
  readonly status: number;
  /** Null if the receiver accepted the delivery. */
  readonly error: string | null;
  /** Delay from the receiver's `Retry-After` header. */
  readonly retryAfterSeconds: number | null;
}

/** @throws if there was no response. */
export async function post(
  settings: PostSettings,
  dispatcher: Dispatcher,
  {
    url,
    headers,
    body,
  }: {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  },
  stopped: AbortSignal,
): Promise<DeliveryResponse> {
  const late = AbortSignal.timeout(settings.timeoutMs);
  const answer = await request(allowedAddress(url, settings), {
    method: 'POST',
    dispatcher,
    signal: AbortSignal.any([late, stopped]),
    headers: { 'user-agent': 'perennial', ...headers },
    body,
  }).catch((error: unknown) => {
    throwIfAborted({ stopped, late, timeoutMs: settings.timeoutMs });
    throw error;
  });
  // Only the status counts, so the body is not read.
  answer.body.on('error', () => undefined).destroy();
  const { statusCode: status, headers: answered } = answer;
  return {
    status,
    error: findRefusal(status),
    retryAfterSeconds: parseRetryAfter(answered['retry-after']),
  };
}

function allowedAddress(text: string, { allowPrivateAddresses }: PostSettings): URL {
  const url = new URL(text);
  if (allowPrivateAddresses) return url;
  if (url.protocol !== 'https:')
    throw failure('SourceRefused', 'only https:// addresses are allowed', allowing);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // A literal address needs no name lookup, where other addresses are checked.
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw privateAddressError(host);
  return url;
}

const allowing = {
  next: 'set PERENNIAL_NOTIFY_PRIVATE_ADDRESSES=true to allow private and http:// addresses',
};

export function privateAddressError(host: string): Error {
  return failure('SourceRefused', `${host} is not a public address`, allowing);
}

function findRefusal(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  return status >= 300 && status < 400
    ? `the receiver responded with status ${status}; redirects are not followed`
    : `the receiver responded with status ${status}`;
}

/** RFC 9110 allows seconds or a date. Longer delays are cut to a day. */
function parseRetryAfter(retryAfter: string | readonly string[] | undefined): number | null {
  if (typeof retryAfter !== 'string') return null;
  const seconds = /^\d+$/.test(retryAfter)
    ? Number(retryAfter)
    : (Date.parse(retryAfter) - Date.now()) / 1000;
  return seconds > 0 ? Math.min(seconds, 86_400) : null;
}
