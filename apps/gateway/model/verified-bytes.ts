import type { ArtifactStore } from '../../../data/artifact/store';
import { sha256 } from '../../../data/digest';
import type { ArtifactRef } from '../../../domain/artifact';
import { failure } from '../../../domain/failure';
import { withTimeout } from '../../../data/timeout';

export type VersionArtifacts = Pick<ArtifactStore, 'getBytes'>;

const readTimeoutMs = 30_000;

/** Verify the digest (I3): the bytes that are served are those that were evaluated. */
export async function verifiedBytes(
  artifacts: VersionArtifacts,
  ref: ArtifactRef,
  maxBytes: number,
  what: string,
): Promise<Uint8Array> {
  if (ref.bytes > maxBytes)
    throw failure(
      'ModelUnloadable',
      `${what} has ${ref.bytes} bytes; this gateway loads at most ${maxBytes}`,
    );
  const bytes = await withTimeout(readTimeoutMs, artifacts.getBytes(ref, { maxBytes }), {
    type: 'StorageUnavailable',
    message: `${what} could not be read`,
  });
  const digest = sha256(bytes);
  if (digest !== ref.digest || bytes.byteLength !== ref.bytes) {
    throw failure(
      'DigestMismatch',
      `${what} is ${digest} of ${bytes.byteLength} bytes; expected ${ref.digest} of ${ref.bytes}`,
    );
  }
  return bytes;
}
