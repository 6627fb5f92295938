import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  foreignKey,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { bytewise, createdAt, instant, restrictTo, tenantId } from '../columns';
import { tenants } from '../tenant/schema';

/** Sessions that a person ended before they expired. Expired ones are deleted. */
export const endedSessions = pgTable(
  'ended_sessions',
  {
    tenantId: tenantId(),
    /** SHA-256 of the random token of the session, in hex. */
    id: text('id').notNull(),
    keyId: bytewise('key_id').notNull(),
    endedAt: instant('ended_at').notNull().defaultNow(),
    expiresAt: instant('expires_at').notNull(),
  },
  (t) => [
    primaryKey({ name: 'ended_sessions_pk', columns: [t.tenantId, t.id] }),
    foreignKey({
      name: 'ended_sessions_key_fk',
      columns: [t.tenantId, t.keyId],
      foreignColumns: [apiKeys.tenantId, apiKeys.id],
    }),
  ],
);

export const apiKeys = pgTable(
  'api_keys',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    name: text('name').notNull(),
    /** Same for a key and its rotations, so that one holder has one vote. */
    holderId: bytewise('holder_id').notNull(),
    /** The key that replaced it in a rotation. */
    replacedBy: bytewise('replaced_by'),
    /** A key of the platform's own processes, which act for every tenant at gateways. */
    isService: boolean('is_service').notNull().default(false),
    scope: text('scope').$type<'viewer' | 'operator' | 'approver' | 'admin'>().notNull(),
    /**
     * SHA-256 in hex. A slow hash only helps secrets that can be guessed; this one has 256 random
     * bits.
     */
    secretHash: text('secret_hash').notNull(),
    createdAt: createdAt(),
    createdBy: text('created_by').notNull(),
    lastUsedAt: instant('last_used_at'),
    expiresAt: instant('expires_at'),
    revokedAt: instant('revoked_at'),
  },
  (t) => [
    primaryKey({ name: 'api_keys_pk', columns: [t.tenantId, t.id] }),
    // A request names a key before its tenant is known.
    unique('api_keys_id_unique').on(t.id),
    // Audit rows and errors name keys, so two valid keys must not share a name. A rotation passes
    // the name on.
    uniqueIndex('api_keys_name_in_use')
      .on(t.tenantId, t.name)
      .where(sql`${t.revokedAt} is null and ${t.replacedBy} is null`),
    foreignKey({ name: 'api_keys_tenant_fk', columns: [t.tenantId], foreignColumns: [tenants.id] }),
    restrictTo('api_keys_scope_check', t.scope, ['viewer', 'operator', 'approver', 'admin']),
    check('api_keys_hash_check', sql`${t.secretHash} ~ '^[0-9a-f]{64}$'`),
    check('api_keys_name_check', sql`length(${t.name}) between 1 and 200`),
  ],
);
