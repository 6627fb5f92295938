import { sql } from 'drizzle-orm';
import { check, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { Tenant } from '../../domain/ids';
import { createdAt, instant } from '../columns';

export const tenants = pgTable(
  'tenants',
  {
    id: text('id').$type<Tenant>().notNull(),
    createdAt: createdAt(),
    /** Null for the tenant that every installation has. */
    createdBy: text('created_by'),
    /** From then on, its keys are refused, and no run of it starts. */
    suspendedAt: instant('suspended_at'),
    /** Limits; null is no limit. */
    maxOpenRuns: integer('max_open_runs'),
    maxLifecycles: integer('max_lifecycles'),
  },
  (t) => [
    primaryKey({ name: 'tenants_pk', columns: [t.id] }),
    // The id is part of workflow ids and bucket keys.
    check('tenants_id_check', sql`${t.id} ~ '^[a-z0-9][a-z0-9-]{0,62}$'`),
    check('tenants_limits_check', sql`${t.maxOpenRuns} >= 0 and ${t.maxLifecycles} >= 0`),
  ],
);
