import { check, foreignKey, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { sql } from 'drizzle-orm';
import type { AliasName } from '../../domain/model/model';
import { counter, instant, oneOf, tenantId } from '../columns';
import { modelVersions } from './schema';

/**
 * I2: the primary key allows one champion per model, and the foreign key requires that it exists.
 */
export const modelAliases = pgTable(
  'model_aliases',
  {
    tenantId: tenantId(),
    model: text('model').notNull(),
    alias: text('alias').$type<AliasName>().notNull(),
    version: integer('version').notNull(),
    fencing: counter('fencing').notNull(),
    movedAt: instant('moved_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ name: 'model_aliases_pk', columns: [t.tenantId, t.model, t.alias] }),
    foreignKey({
      name: 'model_aliases_version_fk',
      columns: [t.tenantId, t.model, t.version],
      foreignColumns: [modelVersions.tenantId, modelVersions.model, modelVersions.version],
    }),
    oneOf('model_aliases_alias_check', t.alias, [
      'champion',
      'challenger',
      'previous',
    ] satisfies AliasName[]),
    check('model_aliases_fencing_check', sql`${t.fencing} > 0`),
  ],
);
