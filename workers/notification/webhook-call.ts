/** One request to a webhook: CloudEvents 1.0 as JSON, signed as Standard Webhooks specifies. */
import { isIP } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { request, type Dispatcher } from 'undici';
import { isPublicAddress } from '../../data/dataset/sources/addresses';
import { failure, isPerennialError } from '../../domain/failure';
import type { SecretRef } from '../../domain/access/secret-access';
import type { WebhookDelivery } from '../../db/notification/webhook-repository';

export interface WebhookCallSettings {
  /** @throws if the secret does not exist. */
  readonly secretOf: (ref: SecretRef) => Promise<string>;
  readonly allowPrivateAddresses: boolean;
  /** For the whole request. */
  readonly timeoutMs: number;
}

export interface WebhookResponse {
  /** The HTTP status. */
  readonly status: number;
  /** Null if the receiver accepted the delivery. */
  readonly error: string | null;
  /** From the receiver's `Retry-After` header. */
  readonly retryAfterSeconds: number | null;
}

/** @throws if there was no response. */
export async function callWebhook(
  settings: WebhookCallSettings,
  dispatcher: Dispatcher,
  delivery: WebhookDelivery,
  stopped: AbortSignal,
): Promise<WebhookResponse> {
  const url = allowedAddress(delivery.url, settings);
  const key = signer(await settings.secretOf(delivery.secret));
  const body = JSON.stringify(cloudEvent(delivery));
  const sentAt = new Date();
  const late = AbortSignal.timeout(settings.timeoutMs);
  const answer = await request(url, {
    method: 'POST',
    dispatcher,
    signal: AbortSignal.any([late, stopped]),
    headers: {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'user-agent': 'perennial',
      'webhook-id': delivery.id,
      'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
      'webhook-signature': key.sign(delivery.id, sentAt, body),
    },
    body,
  }).catch((error: unknown) => {
    if (stopped.aborted) throw new Error('the worker was stopped before a response arrived');
    if (late.aborted) throw new Error(`no response within ${settings.timeoutMs / 1000} s`);
    throw error;
  });
  // Only the status counts, so the body is not read.
  answer.body.on('error', () => undefined).destroy();
  const { statusCode: status, headers } = answer;
  return { status, error: refusalOf(status), retryAfterSeconds: secondsOf(headers['retry-after']) };
}

function allowedAddress(text: string, { allowPrivateAddresses }: WebhookCallSettings): URL {
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

function cloudEvent({
  tenant,
  id,
  lifecycle,
  event,
  subject,
  data,
  createdAt,
}: WebhookDelivery): object {
  return {
    specversion: '1.0',
    id,
    source: `/tenants/${tenant}/lifecycles/${lifecycle}`,
    type: `dev.perennial.${event}`,
    subject,
    time: new Date(createdAt).toISOString(),
    datacontenttype: 'application/json',
    data: { lifecycle, ...data },
  };
}

/** `whsec_…` is base64, as the standard writes secrets; anything else is the key itself. */
function signer(secret: string): Webhook {
  if (!secret.startsWith('whsec_')) return new Webhook(secret, { format: 'raw' });
  try {
    return new Webhook(secret);
  } catch {
    throw failure('InvalidInput', 'the secret begins with whsec_ but the rest is not base64');
  }
}

function refusalOf(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  return status >= 300 && status < 400
    ? `the receiver responded with status ${status}; redirects are not followed`
    : `the receiver responded with status ${status}`;
}

/** RFC 9110 allows seconds or a date. Longer delays are cut to a day. */
function secondsOf(retryAfter: string | readonly string[] | undefined): number | null {
  if (typeof retryAfter !== 'string') return null;
  const seconds = /^\d+$/.test(retryAfter)
    ? Number(retryAfter)
    : (Date.parse(retryAfter) - Date.now()) / 1000;
  return seconds > 0 ? Math.min(seconds, 86_400) : null;
}

/** A text for the delivery log. PostgreSQL's JSON refuses lone surrogates and NUL. */
export function deliveryErrorText(error: unknown): string {
  const text = Array.from(wordsOf(error)).slice(0, 500).join('');
  return text.replace(/[\p{Cc}\p{Cs}]/gu, ' ');
}

function wordsOf(error: unknown): string {
  if (isPerennialError(error))
    return error.next === undefined ? error.message : `${error.message}; ${error.next}`;
  // The host has several addresses and all failed; the message of the aggregate is empty.
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
