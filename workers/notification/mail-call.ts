/** One mail. The messages of one subject, such as an incident, form one thread. */
import { createTransport } from 'nodemailer';
import { failure } from '../../domain/failure';
import { writeMessage } from '../../domain/notification/message';
import type { WebhookDelivery } from '../../db/webhook/repository';
import { throwIfAborted } from './error-text';
import type { DeliveryResponse } from './http-post';

/** The server that sends mail. */
export interface MailServer {
  /** `smtp://user:password@host:587` or `smtps://…:465`. */
  readonly url: string;
  readonly from: string;
}

/** A conversation has several responses, and each may take `timeoutMs`. */
const maxResponses = 3;

/** @throws if the server gave no response. */
export async function sendMail(
  server: MailServer | null,
  delivery: WebhookDelivery,
  { timeoutMs, stopped }: { readonly timeoutMs: number; readonly stopped: AbortSignal },
): Promise<DeliveryResponse> {
  if (server === null)
    throw failure('InvalidInput', 'this worker has no mail server', {
      next: 'set PERENNIAL_SMTP_URL and PERENNIAL_SMTP_FROM and restart the worker',
    });
  const transport = createTransport({
    url: server.url,
    // Without this, a server between the two could ask for the password in plain text.
    requireTLS: new URL(server.url).password !== '',
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const totalMs = maxResponses * timeoutMs;
  const late = AbortSignal.timeout(totalMs);
  const signal = AbortSignal.any([late, stopped]);
  try {
    const sent = await transport.sendMail({ ...buildMail(delivery, server.from), signal });
    const [refused] = sent.rejectedErrors ?? [];
    return {
      status: refused?.responseCode ?? parseCode(sent.response) ?? 250,
      error: sent.rejected.length === 0 ? null : describeRefusal(sent.rejected, refused),
      retryAfterSeconds: null,
    };
  } catch (error) {
    throwIfAborted({ stopped, late, timeoutMs: totalMs });
    const status = responseCode(error);
    if (status === null) throw error;
    const message = error instanceof Error ? error.message : String(error);
    return { status, error: message, retryAfterSeconds: null };
  } finally {
    transport.close();
  }
}

/**
 * A repeated attempt has the same Message-ID, so mail programs show it once. All messages of a
 * subject refer to one id, which the first of them has.
 */
function buildMail(delivery: WebhookDelivery, from: string) {
  const { id, target, tenant, subject, event, url, createdAt } = delivery;
  const { title, conversation, status, lines } = writeMessage(delivery);
  const host = 'perennial.invalid';
  const thread = `<${subject.replace(/[^\w.-]/g, '-')}.${target}.${tenant}@${host}>`;
  const opens = event === 'incident.opened';
  return {
    from,
    to: url.slice('mailto:'.length).split(','),
    // Mail programs split a thread whose subject changes.
    subject: conversation,
    messageId: opens ? thread : `<${id}.${target}.${tenant}@${host}>`,
    ...(opens ? {} : { inReplyTo: thread, references: [thread] }),
    date: new Date(createdAt),
    headers: { 'auto-submitted': 'auto-generated', 'x-perennial-event': event },
    text: [
      `${title}\n${status}`,
      '',
      ...lines.map(({ label, text }) => `${label}: ${text}`),
      '',
    ].join('\n'),
  };
}

/** The server accepted the mail for the other addresses. A silent loss would look delivered. */
function describeRefusal(addresses: readonly string[], error: Error | undefined): string {
  const why = error === undefined ? '' : `: ${error.message}`;
  return `the server refused ${addresses.join(', ')} and accepted the other addresses${why}`;
}

function responseCode(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('responseCode' in error)) return null;
  return typeof error.responseCode === 'number' ? error.responseCode : null;
}

/** `250 2.0.0 queued` → 250. */
function parseCode(response: string): number | null {
  const code = /^\d{3}/.exec(response)?.[0];
  return code === undefined ? null : Number(code);
}
