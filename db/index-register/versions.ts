import type { Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import type { Transaction } from '../connection';
import { digestOf, toJson } from '../document';
import type { IndexRepository, IndexVersionRecord } from '../repositories/indexes';
import type { indexVersions } from '../schema/indexes';
import { appendAudit } from '../writes/audit-entry';
import type { IndexName } from './state';

export type VersionRow = typeof indexVersions.$inferSelect;

export async function openVersion(tx: Transaction, input: Parameters<IndexRepository['open']>[0]): Promise<IndexVersionRecord> {
  const { tenant, index, recipe, dataset, datasetVersion, runId, actor } = input;
  const [of] = await tx<{ digest: Digest; createdAt: string }[]>`
    select digest, created_at from dataset_versions where tenant_id = ${tenant} and dataset = ${dataset} and version = ${datasetVersion}`;
  if (!of) throw failure('NotFound', `there is no dataset ${dataset}@${datasetVersion}`);
  const [numbered] = await tx<{ versions: number }[]>`
    insert into indexes as i (tenant_id, name, versions) values (${tenant}, ${index}, 1)
    on conflict on constraint indexes_pk do update set versions = i.versions + 1 returning versions`;
  const version = numbered?.versions ?? 1;
  const digest = digestOf({ embedder: recipe.embedder.digest, chunking: recipe.chunking, dataset: of.digest });
  const [row] = await tx<VersionRow[]>`
    insert into index_versions (tenant_id, index, version, digest, recipe, dataset, dataset_version, state, applied, run_id)
    select ${tenant}, ${index}, ${version}, ${digest}, ${toJson(recipe)}, ${dataset}, ${datasetVersion}, 'building',
      coalesce((select max(seq) from index_changes where tenant_id = ${tenant} and index = ${index} and created_at <= ${of.createdAt}), 0), ${runId}
    returning *`;
  if (!row) throw failure('NotFound', `there is no index ${index}`);
  const after = { version, digest, dataset: `${dataset}@${datasetVersion}`, embedder: recipe.embedder.name };
  await appendAudit(tx, { tenant, actor, action: 'index.open', subject: `index:${index}@${version}`, cause: 'build', after });
  return toRecord(row);
}

export async function lockVersion(
  tx: Transaction,
  { tenant, index, version }: IndexName & { readonly version: number },
): Promise<VersionRow> {
  const [row] = await tx<VersionRow[]>`
    select * from index_versions where tenant_id = ${tenant} and index = ${index} and version = ${version} for update`;
  if (!row) throw failure('NotFound', `there is no ${index}@${version}`);
  return row;
}

export function toRecord({ tenantId: _tenant, ...row }: VersionRow): IndexVersionRecord {
  return row;
}
