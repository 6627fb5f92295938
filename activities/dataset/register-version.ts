/** Stores Parquet files as a version of a dataset, with references and lineage. */
import type { ArtifactRef } from '../../domain/artifact';
import type { Column, DatasetManifest, DatasetVersionRef } from '../../domain/dataset/dataset';
import type { DatasetStatistics } from '../../domain/dataset/statistics';
import type { RunEffectRef } from '../../domain/run/run';
import type { ArtifactStore } from '../../data/artifact/store';
import type { LineageNode } from '../../db/lineage/repository';
import type { Registry } from '../../db/registry';
import type { HeldClaim } from '../../db/run/guard';

export interface DatasetFiles {
  readonly dataset: string;
  readonly columns: readonly Column[];
  readonly rows: number;
  /** Parquet, in order. */
  readonly files: readonly ArtifactRef[];
  readonly statistics?: DatasetStatistics;
  /** The sources or versions that the rows were made from. */
  readonly from: readonly LineageNode[];
}

interface VersionStores {
  readonly registry: Pick<Registry, 'datasets' | 'artifacts' | 'lineage'>;
  readonly artifacts: Pick<ArtifactStore, 'putJson'>;
}

/** Equal content gives the version that exists. */
export async function registerDatasetVersion(
  { registry, artifacts }: VersionStores,
  { tenant, runId, key, claim }: RunEffectRef & { readonly claim: HeldClaim },
  { dataset, columns, rows, files, statistics, from }: DatasetFiles,
): Promise<DatasetVersionRef> {
  const value: DatasetManifest = { dataset, columns, rows, files };
  const manifest = await artifacts.putJson({ tenant, runId, value });
  const version = await registry.datasets.register({
    tenant,
    dataset,
    manifest,
    rows,
    columns,
    ...(statistics && { statistics }),
    runId,
    claim,
    idempotencyKey: `${key}/${manifest.digest}`,
  });
  const by = `dataset:${dataset}@${version.version}`;
  for (const { digest } of [manifest, ...files])
    await registry.artifacts.reference({ tenant, digest, by });
  const to = datasetNode(version);
  const edges = from.map((origin) => ({ from: origin, to, runId }));
  await registry.lineage.add({ tenant, edges });
  return version;
}

export function datasetNode({ dataset, version, manifest }: DatasetVersionRef): LineageNode {
  return { kind: 'dataset', name: dataset, version, digest: manifest.digest };
}
