/**
 * Sends due deliveries to webhooks, with retries. Each attempt is recorded in the delivery log.
 */
import { Agent } from 'undici';
import { publicOnly } from '../../data/dataset/sources/addresses';
import { retryDelay } from '../../domain/notification/notification';
import type {
  DeliveryOutcome,
  WebhookDelivery,
  WebhookRepository,
} from '../../db/notification/webhook-repository';
import type { DeliveryAttempt } from '../../db/notification/webhook-schema';
import type { Logger } from '../log';
import {
  callWebhook,
  deliveryErrorText,
  privateAddressError,
  type WebhookResponse,
  type WebhookCallSettings,
} from './webhook-call';

export interface WebhookDeps extends Omit<WebhookCallSettings, 'timeoutMs'> {
  readonly webhooks: Pick<WebhookRepository, 'claim' | 'record'>;
  readonly timeoutMs?: number;
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
 * was not recorded is made again once its lease ends, with the same `webhook-id`. When `stopped`
 * aborts, pending requests are dropped and retried later.
 */
export async function deliverWebhooks(deps: WebhookDeps, stopped: AbortSignal): Promise<number> {
  const due = await deps.webhooks.claim({ limit: atOnce, leaseSeconds });
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
        deliver(deps, delivery, () => callWebhook(settings, agent, delivery, stopped)),
      ),
    );
  } finally {
    await agent.destroy();
  }
  return due.length;
}

async function deliver(
  { webhooks, log }: WebhookDeps,
  delivery: WebhookDelivery,
  call: () => Promise<WebhookResponse>,
): Promise<void> {
  const { id, target, lifecycle, event, url, tries } = delivery;
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
  const outcome = outcomeOf(answer, tries);
  await webhooks.record({ claimed: delivery, attempt, outcome });
  if (error === null) log.debug({ event: id, target, lifecycle, kind: event }, 'webhook delivered');
  // Only the host, because the path of a webhook often is its secret.
  else
    log.warn(
      {
        event: id,
        target,
        lifecycle,
        kind: event,
        host: new URL(url).host,
        outcome: outcome.kind,
        error,
      },
      'webhook not delivered',
    );
}

function outcomeOf(
  { status, error, retryAfterSeconds }: WebhookResponse | NoAnswer,
  tries: number,
): DeliveryOutcome {
  if (error === null) return { kind: 'delivered' };
  if (status === 410) return { kind: 'gone' };
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
