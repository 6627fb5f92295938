import type { ArtifactRef, Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import { isDigest } from '../digest';

/** The only key under which a tenant's bytes with this digest are stored. */
export function casKey(tenant: string, digest: Digest): string {
  if (!isDigest(digest))
    throw failure(
      'InvalidInput',
      `"${String(digest)}" is not a digest (expected sha256: and 64 hexadecimal digits)`,
    );
  const hex = digest.slice('sha256:'.length);
  return `t/${segment(tenant)}/cas/sha256/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex}`;
}

/** Prefix of every tenant's objects. */
export const allTenants = 't/';

/** Prefix of the unfinished uploads of one run; `unowned` is for uploads without a run. */
export function stagingPrefix(tenant: string, runId: string): string {
  return `${stagingRoot(tenant)}${segment(runId)}/`;
}

export function stagingRoot(tenant: string): string {
  return `t/${segment(tenant)}/staging/`;
}

export const unownedRunId = 'unowned';

/**
 * The key of a reference. Bucket and digest must match, so a forged reference reads nothing else.
 * @throws InvalidInput
 */
export function parseArtifactUri(
  ref: ArtifactRef,
  bucket: string,
): { readonly tenant: string; readonly key: string } {
  const match = /^s3:\/\/([^/]+)\/(t\/([^/]+)\/cas\/.+)$/.exec(ref.uri);
  const [, inBucket, key, tenant] = match ?? [];
  if (
    inBucket === undefined ||
    key === undefined ||
    tenant === undefined ||
    inBucket !== bucket ||
    key !== casKey(tenant, ref.digest)
  ) {
    throw failure(
      'InvalidInput',
      `${ref.uri} with digest ${ref.digest} is not an artifact of bucket ${bucket}`,
      {
        next: 'set PERENNIAL_S3_BUCKET to the bucket in which the artifact was stored',
      },
    );
  }
  return { tenant, key };
}

function segment(text: string): string {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(text))
    throw failure('InvalidInput', `"${text}" is not allowed in the key of an object`);
  return text;
}

/** Whether a reference leads to an object of this tenant. */
export function isOfTenant(ref: ArtifactRef, tenant: string): boolean {
  return ref.uri.endsWith(`/${casKey(tenant, ref.digest)}`);
}
