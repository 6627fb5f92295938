import { sql } from 'drizzle-orm';
import {
  check,
  foreignKey,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { bytewise, createdAt, instant, oneOf, tenantId } from '../columns';
import { tenants } from './tenant-schema';

export const apiKeys = pgTable(
  'api_keys',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    name: text('name').notNull(),
    /** Same for a key and those that it was rotated into: one holder has one vote. */
    holderId: bytewise('holder_id').notNull(),
    /** The key that it was rotated into. */
    replacedBy: bytewise('replaced_by'),
    scope: text('scope').$type<'viewer' | 'operator' | 'approver' | 'admin'>().notNull(),
    /**
     * sha256, hex. A slow hash defends passwords, which can be guessed; a secret of 256 random bits
     * cannot, and every request would pay for it.
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
    // A request names its key before anyone knows the tenant.
    unique('api_keys_id_unique').on(t.id),
    // Names stand in the audit and in refusals, so that no two keys in use share one. A rotation
    // hands the name on.
    uniqueIndex('api_keys_name_in_use')
      .on(t.tenantId, t.name)
      .where(sql`${t.revokedAt} is null and ${t.replacedBy} is null`),
    foreignKey({ name: 'api_keys_tenant_fk', columns: [t.tenantId], foreignColumns: [tenants.id] }),
    oneOf('api_keys_scope_check', t.scope, ['viewer', 'operator', 'approver', 'admin']),
    check('api_keys_hash_check', sql`${t.secretHash} ~ '^[0-9a-f]{64}$'`),
    check('api_keys_name_check', sql`length(${t.name}) between 1 and 200`),
  ],
);
