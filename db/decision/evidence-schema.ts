import { pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { createdAt, document, isDigest, tenantId } from '../columns';

export const evidence = pgTable(
  'evidence',
  {
    tenantId: tenantId(),
    digest: text('digest').notNull(),
    body: document<unknown>('body').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'evidence_pk', columns: [t.tenantId, t.digest] }),
    isDigest('evidence_digest_check', t.digest),
  ],
);

export const policies = pgTable(
  'policies',
  {
    tenantId: tenantId(),
    digest: text('digest').notNull(),
    body: document<unknown>('body').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ name: 'policies_pk', columns: [t.tenantId, t.digest] }),
    isDigest('policies_digest_check', t.digest),
  ],
);
