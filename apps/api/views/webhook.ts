import { z } from 'zod';
import { deliveryStatuses } from '../../../domain/notification';
import { instant } from './fields';

const attempt = z.object({
  at: instant,
  status: z.number().nullable().describe('of HTTP; null when there was no answer'),
  error: z.string().nullable(),
  milliseconds: z.number(),
});

export const deliveryView = z
  .object({
    id: z.string().describe('of the event: `webhook-id` of every attempt'),
    target: z.number().describe('place in the lifecycle’s notify, from 1'),
    lifecycle: z.string(),
    event: z.string(),
    subject: z.string(),
    url: z.string().describe('whole for callers with the scope operator; others see its host'),
    status: z.enum(deliveryStatuses),
    attempts: z.array(attempt).readonly(),
    createdAt: instant,
    dueAt: instant.describe('when the next attempt is due'),
    endedAt: instant.nullable(),
  })
  .meta({ id: 'WebhookDelivery' });
