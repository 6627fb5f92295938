/**
 * Sends due deliveries to their channels, with retries. Each attempt is recorded in the delivery
 * log.
 */
import { Agent } from 'undici';
import { publicOnly } from '../../data/dataset/sources/addresses';
import type { SecretRef } from '../../domain/access/secret-access';
import type { Incident } from '../../domain/incident/incident';
import { linkIncident } from '../../domain/incident/link';
import { writeMessage } from '../../domain/notification/message';
import { retryDelay } from '../../domain/notification/notification';
import { endOfQuietHours } from '../../domain/notification/quiet-hours';
import type {
  ClaimedDelivery,
  DeliveryOutcome,
  WebhookRepository,
} from '../../db/webhook/repository';
import type { DeliveryAttempt } from '../../db/webhook/schema';
import type { Logger } from '../log';
import { deliveryErrorText } from './error-text';
import { privateAddressError, type DeliveryResponse } from './http-post';
import { sendMail, type MailServer } from './mail-call';
import { callSlack } from './slack-call';
import { callWebhook } from './webhook-call';

export interface DeliveryDeps {
  readonly webhooks: Pick<WebhookRepository, 'claim' | 'defer' | 'record'>;
  /** @throws if the secret does not exist. */
  readonly readSecret: (ref: SecretRef) => Promise<string>;
  readonly allowPrivateAddresses: boolean;
  /** Null if this worker cannot send mail. */
  readonly mailServer: MailServer | null;
  /** The address of the pages, for the links of incidents; null if it is not set. */
  readonly pagesUrl: string | null;
  readonly timeoutMs?: number;
  readonly now?: () => Date;
  readonly log: Logger;
}

/**
 * Many, because a round lasts as long as its slowest receiver, and a few slow receivers must not
 * delay the others.
 */
const atOnce = 64;
/** Longer than the slowest attempt, so that no other worker makes it at the same time. */
const leaseSeconds = 60;

/**
 * Sends the deliveries that are due and returns how many were tried. After a crash, an attempt that
 * was not recorded is made again once its lease ends, with the same id. When `stopped` aborts,
 * pending requests are dropped and retried later.
 */
export async function sendDeliveries(deps: DeliveryDeps, stopped: AbortSignal): Promise<number> {
  const taken = await deps.webhooks.claim({ limit: atOnce, leaseSeconds });
  const claimed = taken.map((each) => withLink(each, deps.pagesUrl));
  const due: ClaimedDelivery[] = [];
  for (const each of claimed) {
    const until = quietUntil(each, deps.now?.() ?? new Date());
    if (until === null) due.push(each);
    else await deps.webhooks.defer({ claimed: each, until });
  }
  if (due.length === 0) return 0;
  const settings = { timeoutMs: 15_000, ...deps };
  // No keep-alive: most receivers are called minutes apart, and an open connection could delay
  // their shutdown.
  const agent = new Agent({
    pipelining: 0,
    connect: {
      timeout: settings.timeoutMs,
      ...(deps.allowPrivateAddresses ? {} : { lookup: publicOnly(privateAddressError) }),
    },
  });
  try {
    await Promise.all(
      due.map((delivery) =>
        deliver(deps, delivery, () => send(settings, agent, delivery, stopped)),
      ),
    );
  } finally {
    await agent.destroy();
  }
  return due.length;
}

/** The link is not stored, so a repeated delivery has the address of today. */
function withLink(delivery: ClaimedDelivery, pagesUrl: string | null): ClaimedDelivery {
  const { event, data } = delivery;
  if (!event.startsWith('incident.')) return delivery;
  const incident = linkIncident(data['incident'] as Incident, pagesUrl);
  return { ...delivery, data: { ...data, incident } };
}

function quietUntil(delivery: ClaimedDelivery, now: Date): string | null {
  const { quietHours } = delivery;
  if (quietHours === null || writeMessage(delivery).isCritical) return null;
  return endOfQuietHours(quietHours, now);
}

async function send(
  settings: DeliveryDeps & { readonly timeoutMs: number },
  agent: Agent,
  delivery: ClaimedDelivery,
  stopped: AbortSignal,
): Promise<DeliveryResponse> {
  const { secret: ref } = delivery;
  if (ref === null) {
    const { timeoutMs } = settings;
    return sendMail(settings.mailServer, delivery, { timeoutMs, stopped });
  }
  const secret = await settings.readSecret(ref);
  return delivery.channel === 'slack'
    ? callSlack(settings, agent, { delivery, url: secret }, stopped)
    : callWebhook(settings, agent, { delivery, secret }, stopped);
}

async function deliver(
  { webhooks, log }: DeliveryDeps,
  delivery: ClaimedDelivery,
  call: () => Promise<DeliveryResponse>,
): Promise<void> {
  const { id, target, lifecycle, event, channel, url, tries } = delivery;
  const startedAt = Date.now();
  const answer = await call().catch((error: unknown) => ({
    status: null,
    error: deliveryErrorText(error),
    retryAfterSeconds: null,
  }));
  const { status, error } = answer;
  const attempt: DeliveryAttempt = {
    at: new Date(startedAt).toISOString(),
    status,
    error,
    milliseconds: Date.now() - startedAt,
  };
  const outcome = classifyOutcome(answer, delivery);
  await webhooks.record({ claimed: delivery, attempt, outcome });
  const about = { event: id, target, lifecycle, kind: event, channel };
  if (error === null) log.debug(about, 'notification delivered');
  else {
    // Only the host, because the path of a webhook often is its secret.
    const host = channel === 'webhook' ? new URL(url).host : undefined;
    log.warn({ ...about, host, tries, outcome: outcome.kind, error }, 'notification not delivered');
  }
}

function classifyOutcome(
  { status, error, retryAfterSeconds }: DeliveryResponse | NoAnswer,
  { channel, tries }: ClaimedDelivery,
): DeliveryOutcome {
  if (error === null) return { kind: 'delivered' };
  if (channel === 'webhook' && status === 410) return { kind: 'gone' };
  // SMTP: another attempt would get the same refusal (RFC 5321, 4.2.1).
  if (channel === 'email' && status !== null && status >= 500) return { kind: 'failed' };
  const delay = retryDelay(tries);
  if (delay === null) return { kind: 'failed' };
  // Up to a tenth later, so that not all deliveries reach a recovering receiver at once.
  return {
    kind: 'pending',
    retryAfterSeconds: Math.max(delay * (1 + Math.random() / 10), retryAfterSeconds ?? 0),
  };
}

interface NoAnswer {
  readonly status: null;
  readonly error: string;
  readonly retryAfterSeconds: null;
}
