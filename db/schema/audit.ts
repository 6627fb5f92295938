import { sql } from 'drizzle-orm';
import { check, foreignKey, index, integer, pgTable, primaryKey, text, unique } from 'drizzle-orm/pg-core';
import type { Digest } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import { bytewise, counter, document, instant, isDigest, tenantId } from './columns';
import { tenants } from './tenants';

/** I6. Append-only by trigger, as are seals and heads. */
export const auditLog = pgTable(
  'audit_log',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    at: instant('at').notNull().defaultNow(),
    actor: text('actor').notNull(),
    /** Of the API key that acted; null for the platform itself. */
    keyId: text('key_id'),
    action: text('action').notNull(),
    subject: text('subject').notNull(),
    cause: text('cause').notNull(),
    before: document<unknown>('before'),
    after: document<unknown>('after'),
  },
  (t) => [
    primaryKey({ name: 'audit_log_pk', columns: [t.tenantId, t.id] }),
    foreignKey({ name: 'audit_log_tenant_fk', columns: [t.tenantId], foreignColumns: [tenants.id] }),
    index('audit_log_by_subject').on(t.tenantId, t.subject, t.id),
    index('audit_log_by_action').on(t.tenantId, t.action, t.id),
  ],
);

/** Rows that wait for the sealer: filled by a trigger on the log. A row that commits late is simply still here, whatever its id: no gap can be overtaken. */
export const auditPending = pgTable('audit_pending', { tenantId: tenantId(), auditId: bytewise('audit_id').notNull() }, (t) => [
  primaryKey({ name: 'audit_pending_pk', columns: [t.tenantId, t.auditId] }),
]);

export const auditHeads = pgTable(
  'audit_heads',
  {
    tenantId: tenantId().$type<Tenant>(),
    batch: integer('batch').notNull(),
    first: counter('first').notNull(),
    count: integer('count').notNull(),
    root: text('root').$type<Digest>().notNull(),
    previous: text('previous').$type<Digest>(),
    sealedAt: instant('sealed_at').notNull(),
    digest: text('digest').$type<Digest>().notNull(),
    keyId: text('key_id').notNull(),
    signature: text('signature').notNull(),
    /** Set once a copy is known to be kept elsewhere; the one change that the trigger allows. */
    storedAt: instant('stored_at'),
  },
  (t) => [
    primaryKey({ name: 'audit_heads_pk', columns: [t.tenantId, t.batch] }),
    unique('audit_heads_first_unique').on(t.tenantId, t.first),
    check('audit_heads_chain_check', sql`${t.batch} > 0 and ${t.count} > 0 and (${t.batch} = 1) = (${t.previous} is null)`),
    isDigest('audit_heads_root_check', t.root),
    isDigest('audit_heads_digest_check', t.digest),
  ],
);

export const auditSeals = pgTable(
  'audit_seals',
  {
    tenantId: tenantId(),
    position: counter('position').notNull(),
    auditId: bytewise('audit_id').notNull(),
    leaf: text('leaf').$type<Digest>().notNull(),
    batch: integer('batch').notNull(),
  },
  (t) => [
    primaryKey({ name: 'audit_seals_pk', columns: [t.tenantId, t.position] }),
    unique('audit_seals_row_unique').on(t.tenantId, t.auditId),
    foreignKey({ name: 'audit_seals_row_fk', columns: [t.tenantId, t.auditId], foreignColumns: [auditLog.tenantId, auditLog.id] }),
    foreignKey({ name: 'audit_seals_head_fk', columns: [t.tenantId, t.batch], foreignColumns: [auditHeads.tenantId, auditHeads.batch] }),
    isDigest('audit_seals_leaf_check', t.leaf),
  ],
);
