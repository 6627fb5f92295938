import {
  bigint,
  check,
  customType,
  foreignKey,
  integer,
  json,
  primaryKey,
  text,
  timestamp,
} from 'drizzle-orm/pg-core';
import type { AnyPgColumn } from 'drizzle-orm/pg-core';
import { sql } from 'drizzle-orm';
import type { Tenant } from '../domain/ids';

/** Text in byte order. Ids sort by time this way, whatever the locale of the database. */
export const bytewise = customType<{ data: string }>({ dataType: () => 'text collate "C"' });

/**
 * A transaction id with its epoch, which never repeats. Compared with `pg_snapshot_xmin`, it tells
 * which rows no open transaction can still add to.
 */
export const transactionId = customType<{ data: string }>({ dataType: () => 'xid8' });

/** Column in every table, and the first column of every key. */
export const tenantId = () => text('tenant_id').$type<Tenant>().notNull();

export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'string' });
export const createdAt = () => instant('created_at').notNull().defaultNow();

export const counter = (name: string) => bigint(name, { mode: 'number' });

/** Stored as written. jsonb would reorder keys, change numbers and reject NUL characters. */
export const document = <T>(name: string) => json(name).$type<T>();

export const restrictTo = (name: string, column: AnyPgColumn, values: readonly string[]) =>
  check(name, sql`${column} in (${sql.raw(values.map((value) => `'${value}'`).join(', '))})`);

export const isDigest = (name: string, column: AnyPgColumn) =>
  check(name, sql`${column} ~ '^sha256:[0-9a-f]{64}$'`);

/** The columns of a table of aliases, beside the tenant and the owner (db/alias-register.ts). */
export const aliasColumns = <Alias extends string>() => ({
  alias: text('alias').$type<Alias>().notNull(),
  version: integer('version').notNull(),
  fencing: counter('fencing').notNull(),
  movedAt: instant('moved_at').notNull().defaultNow(),
});

/** I2: an owner has one version per alias, and the version exists. */
export const aliasConstraints = (
  table: string,
  columns: Readonly<Record<'tenantId' | 'owner' | 'alias' | 'version' | 'fencing', AnyPgColumn>>,
  {
    aliases,
    versions,
  }: {
    readonly aliases: readonly string[];
    readonly versions: readonly [AnyPgColumn, AnyPgColumn, AnyPgColumn];
  },
) => {
  const { tenantId: tenant, owner, alias, version, fencing } = columns;
  return [
    primaryKey({ name: `${table}_pk`, columns: [tenant, owner, alias] }),
    foreignKey({
      name: `${table}_version_fk`,
      columns: [tenant, owner, version],
      foreignColumns: [...versions],
    }),
    restrictTo(`${table}_alias_check`, alias, aliases),
    check(`${table}_fencing_check`, sql`${fencing} > 0`),
  ];
};

/** Some columns of a table, as rows have them: `Columns<typeof runs, 'id' | 'status'>`. */
export type Columns<
  Table extends { readonly $inferSelect: object },
  Name extends keyof Table['$inferSelect'],
> = Pick<Table['$inferSelect'], Name>;
