import { failure } from '../../domain/failure';
import type { IndexAlias } from '../../domain/index/version';
import type { Columns } from '../columns';
import type { Query, Transaction } from '../connection';
import type { IndexAliasState, IndexName } from './records';
import type { indexAliases, indexes } from './schema';

export interface LockedIndex {
  readonly changes: number;
  readonly fencing: number;
  readonly aliases: Readonly<Record<IndexAlias, IndexAliasState | null>>;
}

/** Locks the row of the index, which serialises its versions, changes and moves. */
export async function lockIndex(
  tx: Transaction,
  { tenant, index }: IndexName,
): Promise<LockedIndex> {
  const [row] = await tx<Columns<typeof indexes, 'changes' | 'fencing'>[]>`
    select changes, fencing from indexes where tenant_id = ${tenant} and name = ${index} for update`;
  if (!row) throw indexNotFound(index);
  return { ...row, aliases: await readIndexAliases(tx, { tenant, index }) };
}

export async function readIndexAliases(
  sql: Query,
  { tenant, index }: IndexName,
): Promise<LockedIndex['aliases']> {
  const rows = await sql<
    Columns<typeof indexAliases, 'alias' | 'version' | 'fencing' | 'movedAt'>[]
  >`
    select alias, version, fencing, moved_at from index_aliases where tenant_id = ${tenant} and index = ${index}`;
  const state = (name: IndexAlias): IndexAliasState | null => {
    const row = rows.find(({ alias }) => alias === name);
    return row ? { version: row.version, fencing: row.fencing, movedAt: row.movedAt } : null;
  };
  return { champion: state('champion'), previous: state('previous') };
}

function indexNotFound(index: string): Error {
  return failure('NotFound', `there is no index ${index}`, { next: 'perennial index list' });
}
