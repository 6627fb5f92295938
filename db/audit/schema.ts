import { sql } from 'drizzle-orm';
import {
  check,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  unique,
} from 'drizzle-orm/pg-core';
import type { Digest } from '../../domain/artifact';
import { bytewise, counter, document, instant, isDigest, restrictTo, tenantId } from '../columns';
import { tenants } from '../tenant/schema';

/** The audit log (I6). Triggers make it append-only, as well as seals, heads and keys. */
export const auditLog = pgTable(
  'audit_log',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    at: instant('at').notNull().defaultNow(),
    actor: text('actor').notNull(),
    /** The id of the acting API key; null for the platform itself. */
    keyId: text('key_id'),
    action: text('action').notNull(),
    subject: text('subject').notNull(),
    cause: text('cause').notNull(),
    before: document<unknown>('before'),
    after: document<unknown>('after'),
  },
  (t) => [
    primaryKey({ name: 'audit_log_pk', columns: [t.tenantId, t.id] }),
    foreignKey({
      name: 'audit_log_tenant_fk',
      columns: [t.tenantId],
      foreignColumns: [tenants.id],
    }),
    index('audit_log_by_subject').on(t.tenantId, t.subject, t.id),
    index('audit_log_by_action').on(t.tenantId, t.action, t.id),
  ],
);

/**
 * Rows to seal, inserted by a trigger on the log. Rows that commit late are not skipped, because
 * the sealer reads this table and not a range of ids.
 */
export const auditPending = pgTable(
  'audit_pending',
  { tenantId: tenantId(), auditId: bytewise('audit_id').notNull() },
  (t) => [primaryKey({ name: 'audit_pending_pk', columns: [t.tenantId, t.auditId] })],
);

export const auditHeads = pgTable(
  'audit_heads',
  {
    tenantId: tenantId(),
    batch: integer('batch').notNull(),
    first: counter('first').notNull(),
    count: integer('count').notNull(),
    root: text('root').$type<Digest>().notNull(),
    previous: text('previous').$type<Digest>(),
    sealedAt: instant('sealed_at').notNull(),
    digest: text('digest').$type<Digest>().notNull(),
    keyId: text('key_id').notNull(),
    signature: text('signature').notNull(),
  },
  (t) => [
    primaryKey({ name: 'audit_heads_pk', columns: [t.tenantId, t.batch] }),
    unique('audit_heads_first_unique').on(t.tenantId, t.first),
    check(
      'audit_heads_chain_check',
      sql`${t.batch} > 0 and ${t.count} > 0 and (${t.batch} = 1) = (${t.previous} is null)`,
    ),
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
    foreignKey({
      name: 'audit_seals_row_fk',
      columns: [t.tenantId, t.auditId],
      foreignColumns: [auditLog.tenantId, auditLog.id],
    }),
    foreignKey({
      name: 'audit_seals_head_fk',
      columns: [t.tenantId, t.batch],
      foreignColumns: [auditHeads.tenantId, auditHeads.batch],
    }),
    isDigest('audit_seals_leaf_check', t.leaf),
  ],
);

/** Public keys that sign heads. An earlier key signs each new one; see db/audit/keys.ts. */
export const auditKeys = pgTable(
  'audit_keys',
  {
    tenantId: tenantId(),
    sequence: integer('sequence').notNull(),
    kind: text('kind').$type<'first' | 'added' | 'rotated' | 'lost'>().notNull(),
    keyId: text('key_id').notNull(),
    /** Ed25519, SPKI DER, base64. */
    publicKey: text('public_key').notNull(),
    /** Fingerprint of the key that endorses this one or that this one replaces. */
    previous: text('previous').$type<Digest>(),
    /** The first batch that the key may sign. */
    fromBatch: integer('from_batch').notNull(),
    addedAt: instant('added_at').notNull(),
    addedBy: text('added_by').notNull(),
    consent: text('consent').notNull(),
    endorsement: text('endorsement'),
  },
  (t) => [
    primaryKey({ name: 'audit_keys_pk', columns: [t.tenantId, t.sequence] }),
    unique('audit_keys_key_unique').on(t.tenantId, t.keyId),
    foreignKey({
      name: 'audit_keys_tenant_fk',
      columns: [t.tenantId],
      foreignColumns: [tenants.id],
    }),
    restrictTo('audit_keys_kind_check', t.kind, ['first', 'added', 'rotated', 'lost']),
    check(
      'audit_keys_chain_check',
      sql`${t.sequence} > 0 and (${t.kind} = 'first') = (${t.sequence} = 1) and (${t.kind} = 'first') = (${t.previous} is null)
        and (${t.kind} in ('added', 'rotated')) = (${t.endorsement} is not null)`,
    ),
  ],
);

/** The last head and key copied to each place outside the database. */
export const auditCopies = pgTable(
  'audit_copies',
  {
    tenantId: tenantId(),
    place: text('place').notNull(),
    headsThrough: integer('heads_through').notNull().default(0),
    keysThrough: integer('keys_through').notNull().default(0),
  },
  (t) => [
    primaryKey({ name: 'audit_copies_pk', columns: [t.tenantId, t.place] }),
    foreignKey({
      name: 'audit_copies_tenant_fk',
      columns: [t.tenantId],
      foreignColumns: [tenants.id],
    }),
  ],
);
