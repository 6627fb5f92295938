import { failure } from '../../domain/failure';
import type { IndexAlias } from '../../domain/index/version';
import { readAliasStates, type AliasState } from '../alias-register';
import type { Columns } from '../columns';
import type { Query, Transaction } from '../connection';
import type { IndexName } from './records';
import type { indexes } from './schema';

export interface LockedIndex {
  readonly changes: number;
  readonly fencing: number;
  readonly aliases: Readonly<Record<IndexAlias, AliasState | null>>;
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
  const state = await readAliasStates(sql, { kind: 'index', tenant, name: index });
  return { champion: state('champion'), previous: state('previous') };
}

function indexNotFound(index: string): Error {
  return failure('NotFound', `there is no index ${index}`, { next: 'perennial index list' });
}
