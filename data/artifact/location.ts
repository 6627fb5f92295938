import type { ArtifactRef, Digest } from '../../domain/dataset/artifact';
import { failure } from '../../domain/failure';
import { isDigest } from '../digest';

/** Where a tenant's bytes of this digest are, and nothing else ever is. */
export function casKey(tenant: string, digest: Digest): string {
  if (!isDigest(digest))
    throw failure(
      'InvalidInput',
      `"${String(digest)}" is not a digest (sha256: and 64 hex digits)`,
    );
  const hex = digest.slice('sha256:'.length);
  return `t/${segment(tenant)}/cas/sha256/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex}`;
}

/** Whatever a tenant stores lies below it. */
export const allTenants = 't/';

/** Unfinished uploads of one run; `unowned` holds those that no run asked for. */
export function stagingPrefix(tenant: string, runId: string): string {
  return `${stagingRoot(tenant)}${segment(runId)}/`;
}

export function stagingRoot(tenant: string): string {
  return `t/${segment(tenant)}/staging/`;
}

export const unowned = 'unowned';

/**
 * The key behind a reference, which must be this bucket's and agree with its own digest: a forged
 * reference reads nothing else.
 */
export function locate(
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
        next: 'name the bucket that the artifact was stored in by PERENNIAL_S3_BUCKET',
      },
    );
  }
  return { tenant, key };
}

function segment(text: string): string {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(text))
    throw failure('InvalidInput', `"${text}" cannot be part of an object's key`);
  return text;
}
