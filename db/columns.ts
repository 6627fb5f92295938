import { bigint, check, customType, json, text, timestamp } from 'drizzle-orm/pg-core';
import type { AnyPgColumn } from 'drizzle-orm/pg-core';
import { sql } from 'drizzle-orm';
import type { Tenant } from '../domain/ids';

/**
 * Text in byte order: ids are made to sort by time that way, and no locale of a database may change
 * it.
 */
export const bytewise = customType<{ data: string }>({ dataType: () => 'text collate "C"' });

/** In every table, first in every key. */
export const tenantId = () => text('tenant_id').$type<Tenant>().notNull();

export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'string' });
export const createdAt = () => instant('created_at').notNull().defaultNow();

export const counter = (name: string) => bigint(name, { mode: 'number' });

/**
 * Kept as it was written. Not jsonb: that would reorder keys, round-trip numbers through numeric
 * and refuse a NUL in someone's text.
 */
export const document = <T>(name: string) => json(name).$type<T>();

export const oneOf = (name: string, column: AnyPgColumn, values: readonly string[]) =>
  check(name, sql`${column} in (${sql.raw(values.map((value) => `'${value}'`).join(', '))})`);

export const isDigest = (name: string, column: AnyPgColumn) =>
  check(name, sql`${column} ~ '^sha256:[0-9a-f]{64}$'`);

/** Columns of a table as rows have them: `Columns<typeof runs, 'id' | 'status'>`. */
export type Columns<
  Table extends { readonly $inferSelect: object },
  Name extends keyof Table['$inferSelect'],
> = Pick<Table['$inferSelect'], Name>;
