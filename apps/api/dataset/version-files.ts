import type { ArtifactStore } from '../../../data/artifact/store';
import type { DatasetVersionRecord } from '../../../db/dataset/records';
import type { ArtifactRef } from '../../../domain/artifact';
import type { DatasetManifest } from '../../../domain/dataset/dataset';

/** The Parquet files of a dataset version, in order. */
export async function versionFiles(
  { artifacts }: { readonly artifacts: Pick<ArtifactStore, 'getJson'> },
  { manifest }: Pick<DatasetVersionRecord, 'manifest'>,
): Promise<readonly ArtifactRef[]> {
  return (await artifacts.getJson<DatasetManifest>(manifest)).files;
}
