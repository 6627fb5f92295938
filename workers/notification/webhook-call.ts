/** One call of a webhook: CloudEvents 1.0 as JSON, signed by Standard Webhooks. */
import { isIP } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { request, type Dispatcher } from 'undici';
import { isPublicAddress } from '../../data/dataset/sources/addresses';
import { failure, isPerennialError } from '../../domain/failure';
import type { SecretRef } from '../../domain/lifecycle/lifecycle';
import type { WebhookDelivery } from '../../db/notification/webhook-repository';

export interface WebhookCallSettings {
  /** @throws when there is no such secret. */
  readonly secretOf: (ref: SecretRef) => Promise<string>;
  readonly allowPrivateAddresses: boolean;
  /** Of the whole call. */
  readonly timeoutMs: number;
}

export interface WebhookAnswer {
  /** Of HTTP. */
  readonly status: number;
  /** Null when it was taken. */
  readonly error: string | null;
  /** What the receiver asked for. */
  readonly retryAfterSeconds: number | null;
}

/** @throws when there was no answer. */
export async function callWebhook(
  settings: WebhookCallSettings,
  dispatcher: Dispatcher,
  delivery: WebhookDelivery,
  stopped: AbortSignal,
): Promise<WebhookAnswer> {
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
    if (stopped.aborted) throw new Error('this worker was stopped before there was an answer');
    if (late.aborted) throw new Error(`no answer within ${settings.timeoutMs / 1000} s`);
    throw error;
  });
  // Whatever else it says, and however slowly: the status is the answer.
  answer.body.on('error', () => undefined).destroy();
  const { statusCode: status, headers } = answer;
  return { status, error: refusalOf(status), retryAfterSeconds: secondsOf(headers['retry-after']) };
}

function allowedAddress(text: string, { allowPrivateAddresses }: WebhookCallSettings): URL {
  const url = new URL(text);
  if (allowPrivateAddresses) return url;
  if (url.protocol !== 'https:')
    throw failure('SourceRefused', 'only https:// addresses are called', allowing);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // A connection to a literal address asks for no name, so nothing else checks it.
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw refusedAddress(host);
  return url;
}

const allowing = {
  next: 'PERENNIAL_NOTIFY_PRIVATE_ADDRESSES=true lets workers call private and http:// addresses',
};

export function refusedAddress(host: string): Error {
  return failure('SourceRefused', `${host} is no public address`, allowing);
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
    throw failure('InvalidInput', 'the secret begins with whsec_ and is not base64 after that');
  }
}

function refusalOf(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  return status >= 300 && status < 400
    ? `it answered ${status}; redirects are not followed`
    : `it answered ${status}`;
}

/** RFC 9110: seconds, or a date. A day at most: what asks for more is asked again then. */
function secondsOf(retryAfter: string | readonly string[] | undefined): number | null {
  if (typeof retryAfter !== 'string') return null;
  const seconds = /^\d+$/.test(retryAfter)
    ? Number(retryAfter)
    : (Date.parse(retryAfter) - Date.now()) / 1000;
  return seconds > 0 ? Math.min(seconds, 86_400) : null;
}

/** For the log of deliveries, whose JSON the database reads: it refuses half characters and NUL. */
export function explained(error: unknown): string {
  const text = Array.from(wordsOf(error)).slice(0, 500).join('');
  return text.replace(/[\p{Cc}\p{Cs}]/gu, ' ');
}

function wordsOf(error: unknown): string {
  if (isPerennialError(error))
    return error.next === undefined ? error.message : `${error.message}; ${error.next}`;
  // Of a name with several addresses, none of which answered: its own message is empty.
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
