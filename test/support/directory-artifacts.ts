import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestOfFile, sha256 } from '../../data/digest';
import type { ArtifactStore } from '../../data/artifacts/store';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';

export type DirectoryArtifacts = Pick<ArtifactStore, 'putBytes' | 'putFile' | 'putJson' | 'getBytes' | 'getJson' | 'toFile'>;

/** The artifact store's promises kept in a folder, for tests whose subject is not S3. */
export function directoryArtifacts(folder: string): DirectoryArtifacts {
  const place = (digest: Digest) => join(folder, digest.slice('sha256:'.length));
  const refOf = (digest: Digest, bytes: number, mediaType: string): ArtifactRef => ({
    uri: `s3://test/${digest}`,
    digest,
    bytes,
    mediaType,
  });

  async function putBytes(put: { readonly bytes: Uint8Array; readonly mediaType: string }): Promise<ArtifactRef> {
    const digest = sha256(put.bytes);
    await mkdir(folder, { recursive: true });
    await writeFile(place(digest), put.bytes);
    return refOf(digest, put.bytes.byteLength, put.mediaType);
  }

  async function getBytes(ref: ArtifactRef): Promise<Uint8Array> {
    return readFile(place(ref.digest)).catch((cause: unknown) => {
      throw failure('ArtifactMissing', `${ref.digest} is not there`, { cause });
    });
  }

  return {
    putBytes,
    getBytes,
    putJson: ({ value }) => putBytes({ bytes: Buffer.from(JSON.stringify(value)), mediaType: 'application/json' }),
    getJson: async <T>(ref: ArtifactRef) => JSON.parse(Buffer.from(await getBytes(ref)).toString()) as T,
    async putFile({ path, mediaType }) {
      const { digest, bytes } = await digestOfFile(path);
      await mkdir(folder, { recursive: true });
      await copyFile(path, place(digest));
      return refOf(digest, bytes, mediaType);
    },
    async toFile(ref, path) {
      const bytes = await getBytes(ref);
      if (sha256(bytes) !== ref.digest) throw failure('DigestMismatch', `${ref.digest} has other bytes`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.partial`, bytes);
      await rename(`${path}.partial`, path);
      await rm(`${path}.partial`, { force: true });
    },
  };
}
