/** Objects that a lifecycle may read. The credential of the platform can usually read more. */
export interface BucketPrefix {
  readonly bucket: string;
  /** Empty, or the start of every allowed key, with a slash at the end. */
  readonly prefix: string;
}

/** Parses `lake` or `lake/incoming`; null when the text is neither. */
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

/** Why an object must not be read, or null. */
export function objectRefusal(
  bucket: string,
  key: string,
  allowed: readonly BucketPrefix[],
): ObjectRefusal | null {
  if (!isPlainKey(key)) {
    // Some services resolve dots as in a path, which could lead into another bucket.
    return {
      detail: 'its key contains an empty name, . or .. between slashes',
      next: 'give the full key of the object',
    };
  }
  if (allowed.some((each) => each.bucket === bucket && key.startsWith(each.prefix))) return null;
  const places = allowed.map((each) => `s3://${each.bucket}/${each.prefix}`);
  return {
    detail: 'the object is outside of the buckets that sources may read',
    next:
      (places.length === 0 ? '' : `use an object below ${places.join(' or ')}, or `) +
      'add its bucket to PERENNIAL_INGEST_BUCKETS',
  };
}

function isPlainKey(key: string): boolean {
  return key.split(/[/\\]/).every((name) => name !== '' && name !== '.' && name !== '..');
}
