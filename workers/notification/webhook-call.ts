/** One request to a webhook: CloudEvents 1.0 as JSON, signed as Standard Webhooks specifies. */
import type { Dispatcher } from 'undici';
import { webhookKey } from '../../data/access/webhook-key';
import type { WebhookDelivery } from '../../db/webhook/repository';
import { post, type DeliveryResponse, type PostSettings } from './http-post';

/** @throws if there was no response. */
export function callWebhook(
  settings: PostSettings,
  dispatcher: Dispatcher,
  { delivery, secret }: { readonly delivery: WebhookDelivery; readonly secret: string },
  stopped: AbortSignal,
): Promise<DeliveryResponse> {
  const body = JSON.stringify(cloudEvent(delivery));
  const sentAt = new Date();
  const headers = {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'webhook-id': delivery.id,
    'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
    'webhook-signature': webhookKey(secret).sign(delivery.id, sentAt, body),
  };
  return post(settings, dispatcher, { url: delivery.url, headers, body }, stopped);
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
