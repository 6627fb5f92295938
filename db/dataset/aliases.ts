import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import { pointAlias } from '../alias-register';
import type { Columns } from '../columns';
import type { Transaction } from '../connection';
import { newId } from '../ids';
import type { DatasetAlias } from './records';
import type { datasetAliasHistory, datasetAliases, datasets } from './schema';
import { appendAudit } from '../audit/entry';
import { announceNewData } from '../retraining/new-data';

type DatasetMoveRow = typeof datasetAliasHistory.$inferSelect;

export async function lockDataset(
  tx: Transaction,
  tenant: Tenant,
  dataset: string,
): Promise<{ readonly versions: number }> {
  const [row] = await tx<Columns<typeof datasets, 'versions'>[]>`
    select versions from datasets where tenant_id = ${tenant} and name = ${dataset} for update`;
  if (!row) throw failure('NotFound', `there is no dataset ${dataset}`);
  return row;
}

export async function findVersion(
  tx: Transaction,
  tenant: Tenant,
  dataset: string,
  alias: DatasetAlias,
): Promise<number | null> {
  const [row] = await tx<Columns<typeof datasetAliases, 'version'>[]>`
    select version from dataset_aliases where tenant_id = ${tenant} and dataset = ${dataset} and alias = ${alias}`;
  return row?.version ?? null;
}

interface DatasetMove {
  readonly tenant: Tenant;
  readonly dataset: string;
  readonly alias: DatasetAlias;
  readonly from: number | null;
  readonly to: number | null;
  readonly actor: string;
  readonly cause: string;
}

/** Requires the row lock of the dataset. Does nothing if the alias is already at `to`. */
export async function move(
  tx: Transaction,
  { tenant, dataset, alias, from, to, actor, cause }: DatasetMove,
): Promise<number> {
  const moved = from !== to;
  const [row] = await tx<Columns<typeof datasets, 'fencing'>[]>`
    update datasets set fencing = fencing + ${moved ? 1 : 0} where tenant_id = ${tenant} and name = ${dataset} returning fencing`;
  const fencing = row?.fencing ?? 0;
  if (!moved) return fencing;
  if (to !== null) await requireVersion(tx, tenant, dataset, to);
  const owner = { kind: 'dataset', tenant, name: dataset } as const;
  await pointAlias(tx, owner, { alias, version: to, fencing });
  if (to !== null && to > (from ?? 0))
    await announceNewData(tx, { tenant, dataset, alias, version: to });
  await tx`
    insert into dataset_alias_history (tenant_id, id, dataset, alias, from_version, to_version, fencing, actor, cause)
    values (${tenant}, ${newId('mov')}, ${dataset}, ${alias}, ${from}, ${to}, ${fencing}, ${actor}, ${cause})`;
  const subject = `dataset:${dataset}`;
  await appendAudit(tx, {
    tenant,
    actor,
    action: 'dataset.moveAlias',
    subject,
    cause,
    before: { alias, version: from },
    after: { alias, version: to },
  });
  return fencing;
}

async function requireVersion(
  tx: Transaction,
  tenant: Tenant,
  dataset: string,
  version: number,
): Promise<void> {
  const [found] =
    await tx`select from dataset_versions where tenant_id = ${tenant} and dataset = ${dataset} and version = ${version}`;
  if (!found) throw failure('NotFound', `there is no ${dataset}@${version}`);
}

/** Sorted, so that concurrent undos do not deadlock. */
export async function movedBy(
  tx: Transaction,
  tenant: Tenant,
  actor: string,
): Promise<readonly Pick<DatasetMoveRow, 'dataset' | 'alias'>[]> {
  return tx<Pick<DatasetMoveRow, 'dataset' | 'alias'>[]>`
    select distinct dataset, alias from dataset_alias_history where tenant_id = ${tenant} and actor = ${actor} order by dataset, alias`;
}

/**
 * The version of the alias before the latest consecutive moves of this actor; null when another
 * actor moved it last.
 */
export async function versionsAroundMoves(
  tx: Transaction,
  {
    tenant,
    dataset,
    alias,
    actor,
  }: {
    readonly tenant: Tenant;
    readonly dataset: string;
    readonly alias: DatasetAlias;
    readonly actor: string;
  },
): Promise<{ readonly now: number | null; readonly before: number | null } | null> {
  const moves = await tx<DatasetMoveRow[]>`
    select * from dataset_alias_history where tenant_id = ${tenant} and dataset = ${dataset} and alias = ${alias}
      and fencing > coalesce((select max(fencing) from dataset_alias_history
        where tenant_id = ${tenant} and dataset = ${dataset} and alias = ${alias} and actor <> ${actor}), 0)
    order by fencing`;
  const [first] = moves;
  const last = moves.at(-1);
  return first && last ? { now: last.toVersion, before: first.fromVersion } : null;
}
