/**
 * One message to an incoming webhook of Slack, or of a service that accepts the same JSON, such as
 * Mattermost. Slack shows `blocks`; services that do not know them show `text`.
 */
import type { Dispatcher } from 'undici';
import { failure } from '../../domain/failure';
import { writeMessage, type NotifyMessage } from '../../domain/notification/message';
import type { WebhookDelivery } from '../../db/webhook/repository';
import { post, type DeliveryResponse, type PostSettings } from './http-post';

/** Limits of Slack's Block Kit, in characters. */
const maxHeader = 150;
const maxSection = 3_000;

/** `url` is a secret, so no error may repeat it. @throws if there was no response. */
export async function callSlack(
  settings: PostSettings,
  dispatcher: Dispatcher,
  { delivery, url }: { readonly delivery: WebhookDelivery; readonly url: string },
  stopped: AbortSignal,
): Promise<DeliveryResponse> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw failure('InvalidInput', `the secret of ${delivery.url} is not an http or https URL`, {
      next: 'store the URL of the incoming webhook in that secret',
    });
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  const body = JSON.stringify(slackMessage(writeMessage(delivery), delivery.subject));
  return post(settings, dispatcher, { url, headers, body }, stopped);
}

function slackMessage({ title, status, lines }: NotifyMessage, subject: string): object {
  const all = lines.map(({ label, text }) => `*${escapeSlack(label)}*: ${escapeSlack(text)}`);
  const story = all.join('\n');
  return {
    text: `*${escapeSlack(title)}*\n${escapeSlack(status)}\n${story}`,
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cutText(title, maxHeader) } },
      { type: 'section', text: { type: 'mrkdwn', text: fitLines(all, maxSection) } },
      {
        type: 'context',
        elements: [{ type: 'mrkdwn', text: `${escapeSlack(status)} · ${escapeSlack(subject)}` }],
      },
    ],
  };
}

/** The three characters that Slack's text treats as markup. */
function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Cuts long lines only, so that the last ones, such as the link, are complete. */
function fitLines(lines: readonly string[], length: number): string {
  const whole = lines.join('\n');
  if (whole.length <= length) return whole;
  const each = Math.floor(length / lines.length) - 1;
  return cutText(lines.map((line) => cutText(line, each)).join('\n'), length);
}

function cutText(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
