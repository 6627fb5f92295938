import type { DatasetManifest, DatasetVersionRef } from '../../domain/dataset/dataset';
import type { Tenant } from '../../domain/ids';
import type { ArtifactStore } from '../../data/artifact/store';
import type { DatasetReader } from '../../data/dataset/sources/source-fetch';
import type { DatasetAlias } from '../../db/dataset/records';
import type { Registry } from '../../db/registry';

/** Reads registered datasets for `dataset://name@alias` and `dataset://name@version`. */
export interface RegisteredDatasets extends DatasetReader {
  /** The versions that were read, for lineage. */
  read(): readonly DatasetVersionRef[];
}

export function openDatasetReader(
  registry: Pick<Registry, 'datasets'>,
  artifacts: Pick<ArtifactStore, 'getJson' | 'toFile'>,
  tenant: Tenant,
): RegisteredDatasets {
  const read: DatasetVersionRef[] = [];
  return {
    async manifest(name, reference) {
      const version = await find(registry, tenant, name, reference);
      if (!version) return null;
      read.push(version);
      return artifacts.getJson<DatasetManifest>(version.manifest);
    },
    toFile: (ref, path, options) => artifacts.toFile(ref, path, options),
    read: () => read,
  };
}

const aliases: readonly DatasetAlias[] = ['latest', 'approved'];

async function find(
  { datasets }: Pick<Registry, 'datasets'>,
  tenant: Tenant,
  dataset: string,
  reference: string,
): Promise<DatasetVersionRef | null> {
  if (/^\d+$/.test(reference)) return datasets.get({ tenant, dataset, version: Number(reference) });
  const alias = aliases.find((each) => each === reference);
  return alias === undefined ? null : datasets.alias({ tenant, dataset, alias });
}
