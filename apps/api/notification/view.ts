import { z } from 'zod';
import { channelKinds, deliveryStatuses } from '../../../domain/notification/notification';
import { instant } from '../fields';

const attempt = z.object({
  at: instant,
  status: z.number().nullable().describe('status of HTTP or SMTP; null without a response'),
  error: z.string().nullable(),
  milliseconds: z.number(),
});

export const deliveryView = z
  .object({
    id: z.string().describe('id of the event, sent as `webhook-id` in every attempt'),
    target: z.number().describe('position in the lifecycle’s notify, from 1'),
    lifecycle: z.string(),
    event: z.string(),
    subject: z.string(),
    channel: z.enum(channelKinds),
    url: z
      .string()
      .describe(
        'full URL of a webhook for callers with the scope operator, otherwise its host; slack: with the name of its secret; mailto: with the addresses',
      ),
    status: z.enum(deliveryStatuses),
    attempts: z.array(attempt).readonly(),
    createdAt: instant,
    dueAt: instant.describe('time of the next attempt'),
    endedAt: instant.nullable(),
  })
  .meta({ id: 'WebhookDelivery' });
