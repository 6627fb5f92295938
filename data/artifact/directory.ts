import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import { digestOfFile, sha256 } from '../digest';
import type { ArtifactStore } from './store';

/**
 * Artifact store in a folder, for a trial job on a machine without a platform. It has no leases;
 * the owner of the folder removes it.
 */
export function openDirectoryArtifacts(
  folder: string,
): Pick<ArtifactStore, 'putBytes' | 'putFile' | 'getBytes' | 'toFile'> {
  const place = (digest: Digest) => join(folder, digest.slice('sha256:'.length));
  const buildRef = (digest: Digest, bytes: number, mediaType: string): ArtifactRef => ({
    uri: pathToFileURL(place(digest)).href,
    digest,
    bytes,
    mediaType,
  });

  async function getBytes(ref: ArtifactRef): Promise<Uint8Array> {
    return readFile(place(ref.digest)).catch((cause: unknown) => {
      throw failure('ArtifactMissing', `${ref.digest} does not exist in ${folder}`, { cause });
    });
  }

  return {
    async putBytes({ bytes, mediaType }) {
      const digest = sha256(bytes);
      await mkdir(folder, { recursive: true });
      await writeFile(place(digest), bytes);
      return buildRef(digest, bytes.byteLength, mediaType);
    },
    async putFile({ path, mediaType }) {
      const { digest, bytes } = await digestOfFile(path);
      await mkdir(folder, { recursive: true });
      await copyFile(path, place(digest));
      return buildRef(digest, bytes, mediaType);
    },
    getBytes,
    async toFile(ref, path) {
      const bytes = await getBytes(ref);
      if (sha256(bytes) !== ref.digest)
        throw failure('DigestMismatch', `the file of ${ref.digest} has other bytes`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.partial`, bytes);
      await rename(`${path}.partial`, path);
    },
  };
}
