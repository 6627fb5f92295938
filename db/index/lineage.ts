import type { Query } from '../connection';
import type { indexVersions } from './schema';

/** Adds the edge from a dataset version to an index version, when that becomes ready. */
export async function appendIndexLineage(
  tx: Query,
  row: typeof indexVersions.$inferSelect,
): Promise<void> {
  const { tenantId, index, version, digest, dataset, datasetVersion, runId } = row;
  await tx`
    insert into lineage_edges (tenant_id, from_kind, from_name, from_version, from_digest, to_kind, to_name, to_version, to_digest, run_id)
    select tenant_id, 'dataset', dataset, version, digest, 'index', ${index}, ${version}::int, ${digest}, ${runId} from dataset_versions
    where tenant_id = ${tenantId} and dataset = ${dataset} and version = ${datasetVersion} on conflict do nothing`;
}
