import { openDirectoryArtifacts } from '../../data/artifact/directory';
import type { ArtifactStore } from '../../data/artifact/store';
import type { ArtifactRef } from '../../domain/artifact';

export type DirectoryArtifacts = Pick<
  ArtifactStore,
  'putBytes' | 'putFile' | 'putJson' | 'getBytes' | 'getJson' | 'toFile'
>;

/** A folder as artifact store, with JSON, for tests that are not about S3. */
export function directoryArtifacts(folder: string): DirectoryArtifacts {
  const kept = openDirectoryArtifacts(folder);
  return {
    ...kept,
    putJson: ({ tenant, value }) =>
      kept.putBytes({
        tenant,
        bytes: Buffer.from(JSON.stringify(value)),
        mediaType: 'application/json',
      }),
    getJson: async <T>(ref: ArtifactRef) =>
      JSON.parse(Buffer.from(await kept.getBytes(ref)).toString()) as T,
  };
}
