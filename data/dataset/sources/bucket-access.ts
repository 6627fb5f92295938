/**
 * Which objects of the S3 service a lifecycle may read: the platform's credential can read more
 * than lifecycles should.
 */
export interface BucketPrefix {
  readonly bucket: string;
  /** Empty, or keys must begin with it; it ends with a slash. */
  readonly prefix: string;
}

/** `lake` and `lake/incoming` → bucket and prefix; null when it is neither. */
export function bucketPrefix(text: string): BucketPrefix | null {
  const [, bucket, prefix = ''] =
    /^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(text) ?? [];
  if (bucket === undefined || (prefix !== '' && !isPlainKey(prefix.replace(/\/$/, ''))))
    return null;
  return { bucket, prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/` };
}

export interface ObjectRefusal {
  readonly detail: string;
  readonly next: string;
}

/** Why an object may not be read, or null. */
export function objectRefusal(
  bucket: string,
  key: string,
  allowed: readonly BucketPrefix[],
): ObjectRefusal | null {
  if (!isPlainKey(key)) {
    // Some services resolve dots as in a path, which would lead into another bucket.
    return {
      detail: 'its key holds an empty name, . or .. between slashes',
      next: 'name the object by its whole key',
    };
  }
  if (allowed.some((each) => each.bucket === bucket && key.startsWith(each.prefix))) return null;
  const places = allowed.map((each) => `s3://${each.bucket}/${each.prefix}`);
  return {
    detail: 'the object is outside of the buckets that sources may read',
    next: `${places.length === 0 ? '' : `name one below ${places.join(' or ')}, or `}add its bucket to PERENNIAL_INGEST_BUCKETS`,
  };
}

function isPlainKey(key: string): boolean {
  return key.split(/[/\\]/).every((name) => name !== '' && name !== '.' && name !== '..');
}
