import { index, integer, pgTable, primaryKey, text, unique } from 'drizzle-orm/pg-core';
import { bytewise, createdAt, document, instant, tenantId } from '../columns';

export type OutboxTopic =
  | 'run.start'
  | 'run.changed'
  | 'run.cancel'
  | 'alias.moved'
  | 'schedule.sync'
  | 'index.retired'
  | 'index.changed'
  | 'retraining.requested';

/**
 * Work outside the database that follows from a transaction. A delivered row is deleted. `due_at`
 * is also the end of a claim.
 */
export const outbox = pgTable(
  'outbox',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    topic: text('topic').$type<OutboxTopic>().notNull(),
    payload: document<Readonly<Record<string, unknown>>>('payload').notNull(),
    createdAt: createdAt(),
    dueAt: instant('due_at').notNull().defaultNow(),
    attempts: integer('attempts').notNull().default(0),
    lastError: text('last_error'),
  },
  (t) => [
    primaryKey({ name: 'outbox_pk', columns: [t.tenantId, t.id] }),
    unique('outbox_id_unique').on(t.id),
    index('outbox_by_due').on(t.dueAt),
  ],
);
