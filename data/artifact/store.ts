import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { randomUUID } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import { canonicalJson } from '../../domain/canonical';
import { failure, isPerennialError } from '../../domain/failure';
import { digestOfFile, sha256 } from '../digest';
import { readBytes, readToFile } from './download';
import {
  copyVerified,
  jobsWithArea,
  openJobArea,
  signedUrl,
  type JobArea,
  type JobAreaOwner,
  type UploadedFile,
} from './job-area';
import { allTenants, casKey, parseArtifactUri, stagingPrefix, unownedRunId } from './location';
import { isNotFound, openS3, request, type S3, type S3Settings } from './s3';
import { isForeign, refuseForeign } from './reader';
import { openStagingArea, type StagingArea } from './staging';
import { uploadBytes, uploadLargeFile, type WriteMode } from './upload';

/**
 * Immutable bytes under their digest, at `t/<tenant>/cas/sha256/ab/cd/<hex>`. Every put is
 * idempotent: the same bytes give the same reference and at most one object. Every read verifies
 * digest and size. Errors: StorageUnavailable (retryable), ArtifactMissing, DigestMismatch,
 * InvalidInput (a reference to another store).
 */
export interface ArtifactStore {
  readonly bucket: string;
  /** Creates the bucket if it does not exist. */
  ensureBucket(): Promise<void>;
  /** Whether any tenant has an artifact here. */
  holdsArtifacts(): Promise<boolean>;
  putBytes(put: PutBytes): Promise<ArtifactRef>;
  /** Streams in constant memory. The object appears only after its digest was verified. */
  putFile(put: PutFile): Promise<ArtifactRef>;
  /** Stores canonical JSON, so the reference's digest is `digestOf(value)`. */
  putJson(put: PutJson): Promise<ArtifactRef>;
  /** Refuses an object larger than `maxBytes` (default 64 MiB) before reading it. */
  getBytes(ref: ArtifactRef, options?: { readonly maxBytes?: number }): Promise<Uint8Array>;
  getJson<T>(ref: ArtifactRef): Promise<T>;
  /** Streams to `path`. The file appears complete and verified, or not at all. */
  toFile(
    ref: ArtifactRef,
    path: string,
    options?: { readonly signal?: AbortSignal; readonly onProgress?: (bytes: number) => void },
  ): Promise<void>;
  /**
   * Whether an object of this size exists. If so, it is kept for the duration of a lease. Its bytes
   * are verified on reading.
   */
  exists(ref: ArtifactRef): Promise<boolean>;
  /** Only the collector may call this. Does nothing when the object does not exist. */
  delete(where: { readonly tenant: string; readonly digest: Digest }): Promise<void>;
  readonly staging: StagingArea;
  readonly jobs: JobAreas;
  close(): void;
}

/** What jobs on other machines need from the store. */
export interface JobAreas {
  of(owner: JobAreaOwner): JobArea;
  /** Ids of the jobs of a run that have an area. */
  list(run: Pick<JobAreaOwner, 'tenant' | 'runId'>): Promise<readonly string[]>;
  /** A URL that reads an artifact for `seconds`, at most seven days. */
  signUrl(ref: ArtifactRef, seconds: number): Promise<string>;
  /** Makes an artifact of a file that a job uploaded, after its digest was verified. */
  adopt(
    file: UploadedFile & { readonly tenant: string; readonly mediaType: string },
  ): Promise<ArtifactRef>;
}

interface Put {
  readonly tenant: string;
  /** Owner of the unfinished upload; `staging.clear` of this run aborts it. */
  readonly runId?: string;
}

interface PutBytes extends Put {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

interface PutFile extends Put {
  readonly path: string;
  readonly mediaType: string;
  /** Expected digest; another one gives DigestMismatch. */
  readonly expected?: Digest;
  readonly signal?: AbortSignal;
  /** The next part is sent after the promise resolves. */
  readonly onProgress?: (bytes: number) => Promise<void> | void;
}

interface PutJson extends Put {
  readonly value: unknown;
}

/**
 * Marks a digest as in use before its existence is checked, so that the collector keeps it
 * (DESIGN §8). The registry's `artifacts` implements it.
 */
export interface ArtifactLeases {
  /**
   * Clears a collector's mark. With `mustUpload`, the object may just be deleted, so its existence
   * proves nothing.
   */
  lease(lease: {
    readonly tenant: string;
    readonly digest: Digest;
    readonly owner: string;
    readonly seconds: number;
  }): Promise<{ readonly mustUpload: boolean }>;
  /** Throws Conflict when the object was collected after the lease. */
  record(recorded: { readonly tenant: string; readonly ref: ArtifactRef }): Promise<void>;
}

export interface ArtifactStoreSettings extends S3Settings {
  /** Null where nothing is collected concurrently: a reader, or a test without a database. */
  readonly leases: ArtifactLeases | null;
  readonly partBytes?: number;
  /** The endpoint under which jobs on other machines reach the store; the same by default. */
  readonly jobEndpoint?: string | null;
}

/**
 * The longest lease that the registry grants. After a put, a writer has this long to refer to the
 * artifact.
 */
const leaseSeconds = 3600;
/** Larger files are uploaded in parts of this size, or larger ones so that 10,000 are enough. */
const defaultPartBytes = 16 << 20;
const defaultMaxBytes = 64 << 20;

export function openArtifactStore(settings: ArtifactStoreSettings): ArtifactStore {
  const { leases, partBytes = defaultPartBytes } = settings;
  const s3 = openS3(settings);
  const forJobs = settings.jobEndpoint
    ? openS3({ ...settings, endpoint: settings.jobEndpoint })
    : s3;
  const owner = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;

  /**
   * Lease, check, upload if missing, record. A second round is needed only when the lease expired
   * and the collector was faster.
   */
  async function putOnce(
    wanted: Wanted,
    upload: (mode: WriteMode, key: string, renew: () => Promise<void>) => Promise<void>,
  ): Promise<ArtifactRef> {
    const { tenant, digest, bytes, mediaType } = wanted;
    const key = casKey(tenant, digest);
    const ref = { uri: `s3://${s3.bucket}/${key}`, digest, bytes, mediaType };
    const lease = () => leases?.lease({ tenant, digest, owner, seconds: leaseSeconds });
    for (let round = 1; ; round++) {
      const { mustUpload } = (await lease()) ?? { mustUpload: false };
      const there = mustUpload ? null : await readSize(s3, key);
      // An object of another size under this key is damaged and must be replaced.
      if (there !== bytes)
        await upload(mustUpload || there !== null ? 'replace' : 'create', key, async () => {
          await lease();
        });
      try {
        await leases?.record({ tenant, ref });
        return ref;
      } catch (error) {
        if (round === 2 || !isPerennialError(error) || error.type !== 'Conflict') throw error;
      }
    }
  }

  const putBytes: ArtifactStore['putBytes'] = ({ tenant, bytes, mediaType }) => {
    const digest = sha256(bytes);
    return putOnce({ tenant, digest, bytes: bytes.byteLength, mediaType }, (mode, key) =>
      uploadBytes(s3, bytes, { key, digest, mediaType, mode }),
    );
  };

  return {
    bucket: s3.bucket,
    ensureBucket: () => ensureBucket(s3),
    async holdsArtifacts() {
      const list = new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: allTenants, MaxKeys: 1 });
      const { KeyCount = 0 } = await request(s3, 'list objects', (client, options) =>
        client.send(list, options),
      );
      return KeyCount > 0;
    },
    putBytes,
    putJson: ({ value, ...to }) =>
      putBytes({ ...to, bytes: Buffer.from(canonicalJson(value)), mediaType: 'application/json' }),
    async putFile({ tenant, runId, path, mediaType, expected, signal, onProgress }) {
      const small = (await stat(path)).size <= partBytes ? await readFile(path) : null;
      const { digest, bytes } = small
        ? { digest: sha256(small), bytes: small.byteLength }
        : await digestOfFile(path, signal);
      if (expected !== undefined && digest !== expected)
        throw failure('DigestMismatch', `${path} is ${digest}, not ${expected}`);
      const ref = await putOnce({ tenant, digest, bytes, mediaType }, async (mode, key, renew) => {
        const to = { key, digest, mediaType, mode, signal };
        if (small) return uploadBytes(s3, small, to);
        const renewing = renewal(renew);
        await uploadLargeFile(s3, {
          ...to,
          path,
          bytes,
          partBytes: Math.max(partBytes, Math.ceil(bytes / 10_000)),
          stagingPrefix: stagingPrefix(tenant, runId ?? unownedRunId),
          async onPart(sent) {
            await onProgress?.(sent);
            await renewing();
          },
        });
      });
      await onProgress?.(bytes);
      return ref;
    },
    async getBytes(ref, { maxBytes = defaultMaxBytes } = {}) {
      refuseForeign(ref);
      if (ref.bytes > maxBytes)
        throw failure(
          'InvalidInput',
          `${ref.uri} has ${ref.bytes} bytes; at most ${maxBytes} may be read into memory`,
        );
      return readBytes(s3, ref);
    },
    async getJson<T>(ref: ArtifactRef) {
      return JSON.parse(Buffer.from(await this.getBytes(ref)).toString('utf8')) as T;
    },
    async toFile(ref, path, options = {}) {
      refuseForeign(ref);
      await readToFile(s3, ref, path, options);
    },
    async exists(ref) {
      if (isForeign(ref)) return false;
      const { tenant, key } = parseArtifactUri(ref, s3.bucket);
      const { mustUpload } = (await leases?.lease({
        tenant,
        digest: ref.digest,
        owner,
        seconds: leaseSeconds,
      })) ?? { mustUpload: false };
      return !mustUpload && (await readSize(s3, key)) === ref.bytes;
    },
    async delete({ tenant, digest }) {
      const Key = casKey(tenant, digest);
      await request(s3, `remove ${Key}`, (client) =>
        client.send(new DeleteObjectCommand({ Bucket: s3.bucket, Key })),
      );
    },
    staging: openStagingArea(s3),
    jobs: {
      of: (jobOwner) => openJobArea(s3, forJobs, jobOwner),
      list: (run) => jobsWithArea(s3, run),
      signUrl: async (ref, seconds) => {
        refuseForeign(ref);
        return signedUrl(forJobs, parseArtifactUri(ref, s3.bucket).key, seconds);
      },
      adopt: ({ tenant, mediaType, ...file }) =>
        putOnce({ tenant, digest: file.digest, bytes: file.bytes, mediaType }, (_mode, key) =>
          copyVerified(s3, file, { key, mediaType }),
        ),
    },
    close() {
      s3.client.destroy();
      forJobs.client.destroy();
    },
  };
}

interface Wanted {
  readonly tenant: string;
  readonly digest: Digest;
  readonly bytes: number;
  readonly mediaType: string;
}

/** Renews a lease after a third of its duration. */
function renewal(renew: () => Promise<void>): () => Promise<void> {
  let renewedAt = performance.now();
  return async () => {
    if (performance.now() - renewedAt < (leaseSeconds / 3) * 1000) return;
    renewedAt = performance.now();
    await renew();
  };
}

async function readSize(s3: S3, key: string): Promise<number | null> {
  try {
    const head = await request(s3, `look for ${key}`, (client) =>
      client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: key })),
    );
    return head.ContentLength ?? 0;
  } catch (error) {
    if (isNotFound((error as Error).cause)) return null;
    throw error;
  }
}

async function ensureBucket(s3: S3): Promise<void> {
  const where = { Bucket: s3.bucket };
  try {
    await s3.client.send(new HeadBucketCommand(where));
    return;
  } catch (error) {
    // HEAD has no body, so a missing bucket gives a bare 404.
    if (!isNotFound(error) && (error as Error).name !== 'NoSuchBucket')
      await request(s3, 'check access', () => Promise.reject(error as Error));
  }
  try {
    await s3.client.send(new CreateBucketCommand(where));
  } catch (error) {
    // Another process may have created it. A bucket of another owner remains an error.
    if ((error as Error).name !== 'BucketAlreadyOwnedByYou')
      await request(s3, 'create the bucket', () => Promise.reject(error as Error));
  }
  await waitUntilWritable(s3);
}

/**
 * A store may remember for a moment that the bucket was missing, and refuse the first writes to it
 * (seen with SeaweedFS under load).
 */
async function waitUntilWritable(s3: S3): Promise<void> {
  const Key = `${stagingPrefix('default', unownedRunId)}first-upload`;
  const where = { Bucket: s3.bucket, Key };
  for (let attempt = 1; ; attempt++) {
    try {
      const { UploadId } = await request(s3, 'begin the first upload', (client) =>
        client.send(new CreateMultipartUploadCommand(where)),
      );
      await request(s3, 'abort the first upload', (client) =>
        client.send(new AbortMultipartUploadCommand({ ...where, UploadId })),
      );
      return;
    } catch (error) {
      const isMissing = ((error as Error).cause as Error | undefined)?.name === 'NoSuchBucket';
      if (!isMissing || attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
