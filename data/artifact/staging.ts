import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { stagingPrefix, stagingRoot } from './location';
import { request, type S3 } from './s3';

/**
 * Uploads that a run started and did not finish, under `t/<tenant>/staging/<runId>/`. Empty after a
 * run has ended (I7).
 */
export interface StagingArea {
  /** Keys of staged objects and of multipart uploads in progress. */
  list(run: { readonly tenant: string; readonly runId: string }): Promise<readonly string[]>;
  /**
   * Aborts the run's unfinished uploads and removes its staged objects that are older than
   * `idleSeconds` (default 0). Returns their number.
   */
  clear(run: {
    readonly tenant: string;
    readonly runId: string;
    readonly idleSeconds?: number;
  }): Promise<number>;
  /** Runs with staged objects, possibly including `unowned`. */
  runs(tenant: string): Promise<readonly string[]>;
}

interface Staged {
  readonly key: string;
  readonly since: Date;
  /** Set for a multipart upload: its parts exist, the object does not. */
  readonly uploadId: string | null;
}

export function openStagingArea(s3: S3): StagingArea {
  return {
    async list({ tenant, runId }) {
      return (await listStaged(s3, stagingPrefix(tenant, runId))).map(({ key }) => key);
    },
    async clear({ tenant, runId, idleSeconds = 0 }) {
      const newest = Date.now() - idleSeconds * 1000;
      const leftovers = (await listStaged(s3, stagingPrefix(tenant, runId))).filter(
        ({ since }) => idleSeconds === 0 || since.getTime() <= newest,
      );
      for (const leftover of leftovers) await remove(s3, leftover);
      return leftovers.length;
    },
    async runs(tenant) {
      const root = stagingRoot(tenant);
      const keys = (await listStaged(s3, root)).map(
        ({ key }) => key.slice(root.length).split('/')[0] ?? '',
      );
      return [...new Set(keys)].sort();
    },
  };
}

async function listStaged(s3: S3, prefix: string): Promise<readonly Staged[]> {
  return [...(await unfinishedUploads(s3, prefix)), ...(await objects(s3, prefix))];
}

async function unfinishedUploads(s3: S3, prefix: string): Promise<readonly Staged[]> {
  const found: Staged[] = [];
  for (let KeyMarker: string | undefined, UploadIdMarker: string | undefined; ;) {
    const list = new ListMultipartUploadsCommand({
      Bucket: s3.bucket,
      Prefix: prefix,
      KeyMarker,
      UploadIdMarker,
    });
    const page = await request(s3, `list unfinished uploads under ${prefix}`, (client) =>
      client.send(list),
    );
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Key !== undefined && UploadId !== undefined)
        found.push({ key: Key, since: Initiated ?? new Date(0), uploadId: UploadId });
    }
    if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return found;
    KeyMarker = page.NextKeyMarker;
    UploadIdMarker = page.NextUploadIdMarker;
  }
}

async function objects(s3: S3, prefix: string): Promise<readonly Staged[]> {
  const found: Staged[] = [];
  for (let ContinuationToken: string | undefined; ;) {
    const list = new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: prefix, ContinuationToken });
    const page = await request(s3, `list ${prefix}`, (client) => client.send(list));
    for (const { Key, LastModified } of page.Contents ?? []) {
      if (Key !== undefined)
        found.push({ key: Key, since: LastModified ?? new Date(0), uploadId: null });
    }
    if (page.NextContinuationToken === undefined) return found;
    ContinuationToken = page.NextContinuationToken;
  }
}

async function remove(s3: S3, { key, uploadId }: Staged): Promise<void> {
  if (uploadId === null) {
    await request(s3, `remove ${key}`, (client) =>
      client.send(new DeleteObjectCommand({ Bucket: s3.bucket, Key: key })),
    );
    return;
  }
  await request(s3, `abort the upload of ${key}`, async (client) => {
    try {
      await client.send(
        new AbortMultipartUploadCommand({ Bucket: s3.bucket, Key: key, UploadId: uploadId }),
      );
    } catch (error) {
      // It was finished or aborted in the meantime.
      if ((error as Error).name !== 'NoSuchUpload') throw error;
    }
  });
}
