import { failure } from '../../domain/failure';
import type { Columns } from '../columns';
import type { Query, Transaction } from '../connection';
import { computeDigest, toJson } from '../document';
import type { IndexName, IndexRepository, IndexVersionRecord, SealResult } from './records';
import type { indexVersions, indexes } from './schema';
import { appendAudit } from '../audit/entry';
import { appendIndexLineage } from './lineage';
import { lockIndex } from './state';
import type { datasetVersions } from '../dataset/schema';
import type { idempotency } from '../idempotency/schema';

export type VersionRow = typeof indexVersions.$inferSelect;

export async function openVersion(
  tx: Transaction,
  input: Parameters<IndexRepository['open']>[0],
): Promise<IndexVersionRecord> {
  const { tenant, index, recipe, dataset, datasetVersion, runId, actor } = input;
  const [of] = await tx<Columns<typeof datasetVersions, 'digest' | 'createdAt'>[]>`
    select digest, created_at from dataset_versions where tenant_id = ${tenant} and dataset = ${dataset} and version = ${datasetVersion}`;
  if (!of) throw failure('NotFound', `there is no dataset ${dataset}@${datasetVersion}`);
  const [numbered] = await tx<Columns<typeof indexes, 'versions'>[]>`
    insert into indexes as i (tenant_id, name, versions) values (${tenant}, ${index}, 1)
    on conflict on constraint indexes_pk do update set versions = i.versions + 1 returning versions`;
  const version = numbered?.versions ?? 1;
  const digest = computeDigest({
    embedder: recipe.embedder.digest,
    chunking: recipe.chunking,
    dataset: of.digest,
  });
  const [row] = await tx<VersionRow[]>`
    insert into index_versions (tenant_id, index, version, digest, recipe, dataset, dataset_version, state, applied, run_id)
    select ${tenant}, ${index}, ${version}, ${digest}, ${toJson(recipe)}, ${dataset}, ${datasetVersion}, 'building',
      coalesce((select max(seq) from index_changes where tenant_id = ${tenant} and index = ${index} and created_at <= ${of.createdAt}), 0), ${runId}
    returning *`;
  if (!row) throw failure('NotFound', `there is no index ${index}`);
  const after = {
    version,
    digest,
    dataset: `${dataset}@${datasetVersion}`,
    embedder: recipe.embedder.name,
  };
  await appendAudit(tx, {
    tenant,
    actor,
    action: 'index.open',
    subject: `index:${index}@${version}`,
    cause: 'build',
    after,
  });
  return toRecord(row);
}

/**
 * Makes a version in `building` ready once it has every change. Later changes are applied as they
 * arrive.
 */
export async function sealVersion(
  tx: Transaction,
  { tenant, index, version, report }: Parameters<IndexRepository['seal']>[0],
): Promise<SealResult> {
  const { changes } = await lockIndex(tx, { tenant, index });
  const row = await lockVersion(tx, { tenant, index, version });
  if (row.state === 'ready') return { kind: 'ready' };
  if (row.state !== 'building') throw failure('FencedOff', `${index}@${version} is ${row.state}`);
  if (row.applied < changes || row.tableVersion === null) return { kind: 'behind', changes };
  await tx`
    update index_versions set state = 'ready', report = ${toJson(report)}, updated_at = now()
    where tenant_id = ${tenant} and index = ${index} and version = ${version}`;
  await appendIndexLineage(tx, row);
  const after = { ...report, rejected: { ...report.rejected } };
  const [action, subject] = ['index.ready', `index:${index}@${version}`];
  await appendAudit(tx, { tenant, actor: 'perennial', action, subject, cause: 'built', after });
  return { kind: 'ready' };
}

/**
 * The id of the build that a person started for this version. Null for versions of runs, when it is
 * no longer building, and when its idempotency key was deleted.
 */
export async function findBuild(
  sql: Query,
  { tenant, index, version }: IndexName & { readonly version: number },
): Promise<string | null> {
  const [row] = await sql<Columns<typeof idempotency, 'key'>[]>`
    select i.key from index_versions v join idempotency i on i.tenant_id = v.tenant_id and i.operation = 'index.open'
      and i.answer->>'index' = v.index and (i.answer->>'version')::int = v.version
    where v.tenant_id = ${tenant} and v.index = ${index} and v.version = ${version} and v.state = 'building' and v.run_id is null`;
  return row?.key ?? null;
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
