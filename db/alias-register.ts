/**
 * The aliases of models, indexes and datasets. Each kind has its own table of one shape
 * (`aliasColumns`). What a move means, and its history, differs between them and stays with them.
 */
import type { Tenant } from '../domain/ids';
import type { Query, Transaction } from './connection';

export interface AliasOwner {
  readonly kind: 'model' | 'index' | 'dataset';
  readonly tenant: Tenant;
  readonly name: string;
}

export interface AliasState {
  readonly version: number;
  /** Increases with every move of any alias of its owner, also while the alias is not set. */
  readonly fencing: number;
  readonly movedAt: string;
}

/** Finds the state of an alias by its name; null if it is not set. */
export type FindAlias = (alias: string) => AliasState | null;

export async function readAliasStates(
  sql: Query,
  { kind, tenant, name }: AliasOwner,
): Promise<FindAlias> {
  const rows = await sql<(AliasState & { readonly alias: string })[]>`
    select alias, version, fencing, moved_at from ${sql(`${kind}_aliases`)} where tenant_id = ${tenant} and ${sql(kind)} = ${name}`;
  return (alias) => {
    const row = rows.find((each) => each.alias === alias);
    return row ? { version: row.version, fencing: row.fencing, movedAt: row.movedAt } : null;
  };
}

/** Sets an alias, or removes it if `version` is null. Requires the row lock of its owner. */
export async function pointAlias(
  tx: Transaction,
  { kind, tenant, name }: AliasOwner,
  {
    alias,
    version,
    fencing,
    movedAt = null,
  }: {
    readonly alias: string;
    readonly version: number | null;
    readonly fencing: number;
    /** Now by default, not when the transaction started, which may be before the last move. */
    readonly movedAt?: string | null;
  },
): Promise<void> {
  if (version === null) {
    await tx`delete from ${tx(`${kind}_aliases`)} where tenant_id = ${tenant} and ${tx(kind)} = ${name} and alias = ${alias}`;
    return;
  }
  await tx`
    insert into ${tx(`${kind}_aliases`)} (tenant_id, ${tx(kind)}, alias, version, fencing, moved_at)
    values (${tenant}, ${name}, ${alias}, ${version}, ${fencing}, coalesce(${movedAt}, clock_timestamp()))
    on conflict on constraint ${tx(`${kind}_aliases_pk`)} do update set version = excluded.version, fencing = excluded.fencing, moved_at = excluded.moved_at`;
}
