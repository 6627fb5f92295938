/**
 * The operator's settings for what lifecycles may read from this machine and from S3.
 */
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { z } from 'zod';
import { bucketPrefix, type BucketPrefix } from '../data/dataset/sources/bucket-access';
import { isInsideFolder } from '../data/dataset/sources/file-access';
import type { ReadableSources } from '../data/dataset/sources/policy';
import type { SettingError } from './temporal/settings';

export const sourceSettings = {
  PERENNIAL_INGEST_PRIVATE_ADDRESSES: z.enum(['true', 'false']).default('false'),
  /** Colon-separated folders from which file:// sources may read. */
  PERENNIAL_INGEST_ROOTS: z.string().optional(),
  /** The folder from which `perennial up` was started; `up` sets it. */
  PERENNIAL_PROJECT_DIR: z.string().optional(),
  /** Comma-separated buckets, or bucket/prefix, from which s3:// sources may read. */
  PERENNIAL_INGEST_BUCKETS: z.string().optional(),
};

export interface SourceAccess extends ReadableSources {
  readonly allowPrivateAddresses: boolean;
}

const clone = resolve(__dirname, '..');

/**
 * By default, the samples, the `data` folder of each lifecycle that `lifecycle init` created in the
 * clone, and the folder from which `perennial up` was started. A home folder, a folder above it and
 * the clone hold more than tables, so they are not read as a whole.
 */
function defaultRoots(startedFrom: string | undefined): readonly string[] {
  const own = [join(clone, '*', 'data'), join(clone, 'samples')];
  if (startedFrom === undefined || !isAbsolute(startedFrom)) return own;
  const home = homedir();
  const isWide = startedFrom === home || isInsideFolder(home, startedFrom);
  return isWide || startedFrom === clone ? own : [...own, startedFrom];
}

export function readSourceAccess(
  given: Readonly<Record<string, string | undefined>>,
  { denied, ownBucket }: { readonly denied: readonly string[]; readonly ownBucket: string },
): { readonly access: SourceAccess; readonly errors: readonly SettingError[] } {
  const named = given['PERENNIAL_INGEST_ROOTS']?.split(':').filter((root) => root !== '');
  const roots = (named ?? defaultRoots(given['PERENNIAL_PROJECT_DIR'])).map(withoutEnd);
  const { buckets, errors: bucketErrors } = readBuckets(
    given['PERENNIAL_INGEST_BUCKETS'] ?? '',
    ownBucket,
  );
  const errors = [...(named === undefined ? [] : rootErrors(roots, denied)), ...bucketErrors];
  const allowPrivateAddresses = given['PERENNIAL_INGEST_PRIVATE_ADDRESSES'] === 'true';
  return { access: { allowPrivateAddresses, files: { roots, denied }, buckets }, errors };
}

function rootErrors(roots: readonly string[], denied: readonly string[]): readonly SettingError[] {
  return roots.flatMap((root) => {
    const setting = 'PERENNIAL_INGEST_ROOTS';
    if (!isAbsolute(root)) return [{ setting, detail: `${root} is not an absolute path` }];
    const closed = denied.find((each) => root === each || isInsideFolder(root, each));
    return closed === undefined
      ? []
      : [{ setting, detail: `${root} lies in ${closed}, which sources may never read` }];
  });
}

function withoutEnd(root: string): string {
  return root.length > 1 && root.endsWith(sep) ? dirname(join(root, 'x')) : root;
}

function readBuckets(
  text: string,
  ownBucket: string,
): { readonly buckets: readonly BucketPrefix[]; readonly errors: readonly SettingError[] } {
  const named = text.split(',').map((each) => each.trim().replace(/^s3:\/\//, ''));
  const read = named
    .filter((each) => each !== '')
    .map((each) => ({ each, found: bucketPrefix(each) }));
  const errors = read.flatMap(({ each, found }) => {
    if (found === null) return [`${each} is neither a bucket nor bucket/prefix`];
    return found.bucket === ownBucket
      ? [
          `${found.bucket} is the bucket of the platform's own artifacts, ` +
            'which sources may never read',
        ]
      : [];
  });
  const buckets = read.flatMap(({ found }) => found ?? []);
  return {
    buckets,
    errors: errors.map((detail) => ({ setting: 'PERENNIAL_INGEST_BUCKETS', detail })),
  };
}
