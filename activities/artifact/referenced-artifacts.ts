import type { ArtifactRef } from '../../domain/artifact';
import type { ArtifactStore } from '../../data/artifact/store';
import { isDigest } from '../../data/digest';

/** Bytes. Manifests are JSON; larger artifacts are data and name no others. */
const maxManifestBytes = 4 << 20;

/**
 * All artifacts that a value refers to, directly or through manifests, without duplicates.
 * @throws ArtifactMissing with the missing manifest.
 */
export async function referencedArtifacts(
  artifacts: ArtifactStore,
  value: unknown,
): Promise<readonly ArtifactRef[]> {
  const found = new Map<string, ArtifactRef>();
  const visit = async (each: unknown): Promise<void> => {
    if (isArtifactRef(each)) {
      if (found.has(each.digest)) return;
      found.set(each.digest, each);
      if (each.mediaType === 'application/json' && each.bytes <= maxManifestBytes)
        await visit(await artifacts.getJson(each));
      return;
    }
    if (typeof each !== 'object' || each === null) return;
    for (const member of Object.values(each)) await visit(member);
  };
  await visit(value);
  return [...found.values()];
}

export function isArtifactRef(value: unknown): value is ArtifactRef {
  if (typeof value !== 'object' || value === null) return false;
  const { uri, digest, bytes, mediaType } = value as Record<string, unknown>;
  return (
    typeof uri === 'string' &&
    uri.startsWith('s3://') &&
    typeof digest === 'string' &&
    isDigest(digest) &&
    typeof bytes === 'number' &&
    typeof mediaType === 'string'
  );
}
