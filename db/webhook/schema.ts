import { sql } from 'drizzle-orm';
import { check, foreignKey, index, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { SecretRef } from '../../domain/access/secret-access';
import {
  type ChannelKind,
  channelKinds,
  type DeliveryStatus,
  deliveryStatuses,
  type NotifyEvent,
} from '../../domain/notification/notification';
import { bytewise, createdAt, document, instant, restrictTo, tenantId } from '../columns';
import { lifecycles } from '../lifecycle/schema';

export interface DeliveryAttempt {
  readonly at: string;
  /** Status of HTTP or SMTP; null without a response. */
  readonly status: number | null;
  readonly error: string | null;
  readonly milliseconds: number;
}

/**
 * Deliveries to a lifecycle's channels, written in the transaction of the event: outbox and
 * delivery log in one. `due_at` is also the end of a claim.
 */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    tenantId: tenantId(),
    /** Id of the event, the same for all targets. */
    id: bytewise('id').notNull(),
    /** Place in the spec's `notify`, from 1. */
    target: integer('target').notNull(),
    lifecycle: text('lifecycle').notNull(),
    event: text('event').$type<NotifyEvent>().notNull(),
    subject: text('subject').notNull(),
    channel: text('channel').$type<ChannelKind>().notNull().default('webhook'),
    /** The URL of a webhook, `slack:` with the name of its secret, or `mailto:` with addresses. */
    url: text('url').notNull(),
    /** The signing key of a webhook, or the URL of a Slack webhook; null for mail. */
    secret: document<SecretRef>('secret'),
    data: document<Readonly<Record<string, unknown>>>('data').notNull(),
    status: text('status').$type<DeliveryStatus>().notNull().default('pending'),
    /**
     * Claims since the delivery was created or redelivered. They set the next wait and show which
     * claim may still write.
     */
    tries: integer('tries').notNull().default(0),
    attempts: document<readonly DeliveryAttempt[]>('attempts').notNull().default([]),
    createdAt: createdAt(),
    dueAt: instant('due_at').notNull().defaultNow(),
    endedAt: instant('ended_at'),
  },
  (t) => [
    primaryKey({ name: 'webhook_deliveries_pk', columns: [t.tenantId, t.id, t.target] }),
    foreignKey({
      name: 'webhook_deliveries_lifecycle_fk',
      columns: [t.tenantId, t.lifecycle],
      foreignColumns: [lifecycles.tenantId, lifecycles.name],
    }),
    restrictTo('webhook_deliveries_channel_check', t.channel, channelKinds),
    check('webhook_deliveries_secret_check', sql`(${t.secret} is null) = (${t.channel} = 'email')`),
    restrictTo('webhook_deliveries_status_check', t.status, deliveryStatuses),
    check(
      'webhook_deliveries_ended_check',
      sql`(${t.endedAt} is null) = (${t.status} = 'pending')`,
    ),
    index('webhook_deliveries_due')
      .on(t.dueAt)
      .where(sql`${t.status} = 'pending'`),
    index('webhook_deliveries_gone')
      .on(t.tenantId, t.lifecycle)
      .where(sql`${t.status} = 'gone'`),
    index('webhook_deliveries_by_lifecycle').on(t.tenantId, t.lifecycle, t.id, t.target),
  ],
);
