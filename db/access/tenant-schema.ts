import { sql } from 'drizzle-orm';
import { check, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { Tenant } from '../../domain/ids';
import { createdAt } from '../columns';

export const tenants = pgTable(
  'tenants',
  { id: text('id').$type<Tenant>().notNull(), createdAt: createdAt() },
  (t) => [
    primaryKey({ name: 'tenants_pk', columns: [t.id] }),
    // The id is part of workflow ids and bucket keys.
    check('tenants_id_check', sql`${t.id} ~ '^[a-z0-9][a-z0-9-]{0,62}$'`),
  ],
);
