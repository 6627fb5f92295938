import { index, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { createdAt, document, tenantId } from '../columns';

/**
 * The answer to each key and the digest of its request, written in the transaction of the effect.
 */
export const idempotency = pgTable(
  'idempotency',
  {
    tenantId: tenantId(),
    operation: text('operation').notNull(),
    key: text('key').notNull(),
    requestDigest: text('request_digest').notNull(),
    answer: document<unknown>('answer'),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'idempotency_pk', columns: [t.tenantId, t.operation, t.key] }),
    index('idempotency_by_age').on(t.tenantId, t.createdAt),
  ],
);
