import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { failure } from '../../domain/failure';
import type { Digest } from '../../domain/artifact';
import { objectToFile } from './download';
import { stagingPrefix } from './location';
import { isNotFound, isPreconditionFailed, request, type S3 } from './s3';

/** Which job an area belongs to. Job ids begin with the id of their run. */
export interface JobAreaOwner {
  readonly tenant: string;
  readonly runId: string;
  readonly jobId: string;
}

/**
 * The files that one job needs on another machine, below the staging area of its run, so that they
 * are gone when the run has ended (I7). A job of an engine reaches them by signed requests only.
 */
export interface JobArea {
  readonly prefix: string;
  /** Writes JSON unless the file exists. Returns whether it wrote. */
  create(name: string, value: unknown): Promise<boolean>;
  write(name: string, value: unknown): Promise<void>;
  /** Null if the file does not exist. Reads at most the newest `maxBytes`. */
  read(name: string, maxBytes?: number): Promise<Buffer | null>;
  /** The same, with the size of the whole file in bytes. */
  end(name: string, maxBytes: number): Promise<FileEnd | null>;
  /** Names of the files that begin with `start`. */
  names(start: string): Promise<readonly string[]>;
  /** Stores a file. The store verifies the digest. */
  upload(name: string, path: string, content: FileContent): Promise<void>;
  /** The file at `path` appears complete and verified, or not at all. */
  download(name: string, path: string, content: FileContent): Promise<void>;
  /** Removes these files, whether they exist or not. */
  remove(names: readonly string[]): Promise<void>;
  /** Removes all files. */
  clear(): Promise<void>;
  /** A URL that reads this file for `seconds`. */
  signUrl(name: string, seconds: number): Promise<string>;
  /** An HTML form that may write below one folder of the area, with a slash at its end. */
  uploads(folder: string, seconds: number): Promise<UploadForm>;
}

export interface FileEnd {
  readonly content: Buffer;
  readonly size: number;
}

export interface FileContent {
  readonly digest: Digest;
  readonly bytes: number;
}

export interface UploadForm {
  readonly url: string;
  readonly fields: Readonly<Record<string, string>>;
  /** Begins each key. */
  readonly prefix: string;
}

/** A file that a job uploaded, and what the job says of it. */
export interface UploadedFile {
  readonly key: string;
  readonly digest: Digest;
  readonly bytes: number;
}

const maxReadBytes = 64 << 20;
/** The longest time for which AWS signs a URL. */
const maxSignatureLength = 7 * 86_400;
/** Limit of one upload by form (AWS). */
const maxUploadBytes = 5 * 1024 ** 3;

const formatAreas = (tenant: string, runId: string): string =>
  `${stagingPrefix(tenant, runId)}jobs/`;

function areaPrefix({ tenant, runId, jobId }: JobAreaOwner): string {
  const key = createHash('sha256').update(jobId).digest('hex').slice(0, 32);
  return `${formatAreas(tenant, runId)}${key}/`;
}

/** `signing` has the endpoint under which jobs reach the store. */
export function openJobArea(s3: S3, signing: S3, owner: JobAreaOwner): JobArea {
  const prefix = areaPrefix(owner);
  const of = (name: string) => ({ Bucket: s3.bucket, Key: `${prefix}${name}` });
  const putObject = (name: string, value: unknown, isNew: boolean) =>
    request(s3, `write ${prefix}${name}`, (client) =>
      client.send(
        new PutObjectCommand({
          ...of(name),
          Body: JSON.stringify(value),
          ContentType: 'application/json',
          ...(isNew && { IfNoneMatch: '*' }),
        }),
      ),
    );
  async function remove(all: readonly string[]): Promise<void> {
    for (let from = 0; from < all.length; from += 1000) {
      const Objects = all.slice(from, from + 1000).map((name) => ({ Key: `${prefix}${name}` }));
      await request(s3, `remove ${prefix}`, (client) =>
        client.send(
          new DeleteObjectsCommand({ Bucket: s3.bucket, Delete: { Objects, Quiet: true } }),
        ),
      );
    }
  }

  async function end(name: string, maxBytes: number): Promise<FileEnd | null> {
    try {
      const found = await request(s3, `read ${prefix}${name}`, (client) =>
        client.send(new GetObjectCommand({ ...of(name), Range: `bytes=-${maxBytes}` })),
      );
      const content = Buffer.from((await found.Body?.transformToByteArray()) ?? []);
      // Such as `bytes 800-999/1000`. A store that sends the whole file need not send this header.
      const size = /\/(\d+)$/.exec(found.ContentRange ?? '')?.[1];
      return { content, size: size === undefined ? content.byteLength : Number(size) };
    } catch (error) {
      const cause = (error as Error).cause;
      if (isNotFound(cause)) return null;
      // An empty object has no range.
      if (cause instanceof Error && cause.name === 'InvalidRange')
        return { content: Buffer.alloc(0), size: 0 };
      throw error;
    }
  }

  return {
    prefix,
    async create(name, value) {
      try {
        await putObject(name, value, true);
        return true;
      } catch (error) {
        if (isPreconditionFailed((error as Error).cause)) return false;
        throw error;
      }
    },
    async write(name, value) {
      await putObject(name, value, false);
    },
    read: async (name, maxBytes = maxReadBytes) => (await end(name, maxBytes))?.content ?? null,
    end,
    names: (start) => names(s3, prefix, start),
    async upload(name, path, { digest, bytes }) {
      await request(s3, `write ${prefix}${name}`, (client) =>
        client.send(
          new PutObjectCommand({
            ...of(name),
            Body: createReadStream(path),
            ContentLength: bytes,
            ChecksumSHA256: Buffer.from(digest.slice('sha256:'.length), 'hex').toString('base64'),
          }),
        ),
      );
    },
    async download(name, path, content) {
      const key = `${prefix}${name}`;
      await objectToFile(s3, { ...content, key, uri: `s3://${s3.bucket}/${key}` }, path);
    },
    remove,
    clear: async () => remove(await names(s3, prefix, '')),
    signUrl: (name, seconds) => signedUrl(signing, `${prefix}${name}`, seconds),
    async uploads(folder, seconds) {
      const form = await createPresignedPost(signing.client, {
        Bucket: signing.bucket,
        Key: `${prefix}${folder}\${filename}`,
        Conditions: [
          ['starts-with', '$key', `${prefix}${folder}`],
          ['content-length-range', 0, maxUploadBytes],
          // Any value: the store compares it with the bytes.
          ['starts-with', '$x-amz-checksum-sha256', ''],
        ],
        Expires: Math.min(seconds, maxSignatureLength),
      });
      return { ...form, prefix: `${prefix}${folder}` };
    },
  };
}

/** The ids of jobs with an area, which the file `job.json` of each has. */
export async function jobsWithArea(
  s3: S3,
  { tenant, runId }: Pick<JobAreaOwner, 'tenant' | 'runId'>,
): Promise<readonly string[]> {
  const root = formatAreas(tenant, runId);
  const files = (await names(s3, root, '')).filter((name) =>
    /^[0-9a-f]{32}\/job\.json$/.test(name),
  );
  const ids: string[] = [];
  for (const name of files) {
    const body = await request(s3, `read ${root}${name}`, async (client) =>
      (
        await client.send(new GetObjectCommand({ Bucket: s3.bucket, Key: `${root}${name}` }))
      ).Body?.transformToString(),
    ).catch((error: unknown) => {
      if (isNotFound((error as Error).cause)) return null;
      throw error;
    });
    const id = body ? (JSON.parse(body) as { readonly id?: unknown }).id : undefined;
    if (typeof id === 'string') ids.push(id);
  }
  return ids;
}

export function signedUrl(s3: S3, key: string, seconds: number): Promise<string> {
  return getSignedUrl(s3.client, new GetObjectCommand({ Bucket: s3.bucket, Key: key }), {
    expiresIn: Math.min(Math.ceil(seconds), maxSignatureLength),
  });
}

/**
 * Copies an uploaded file to `key` after its digest was verified, without reading it if the store
 * knows its SHA-256. The job may still write, so only the verified object is copied.
 */
export async function copyVerified(
  s3: S3,
  uploaded: UploadedFile,
  to: { readonly key: string; readonly mediaType: string },
): Promise<void> {
  const from = { Bucket: s3.bucket, Key: uploaded.key };
  const head = await request(s3, `look for ${uploaded.key}`, (client) =>
    client.send(new HeadObjectCommand({ ...from, ChecksumMode: 'ENABLED' })),
  );
  const digest = head.ChecksumSHA256
    ? hexDigest(head.ChecksumSHA256)
    : await digestOfObject(s3, uploaded.key, head.ETag);
  if (digest !== uploaded.digest || head.ContentLength !== uploaded.bytes)
    throw failure(
      'DigestMismatch',
      `${uploaded.key} has ${head.ContentLength} bytes and digest ${digest}; its job reported ` +
        `${uploaded.bytes} bytes and ${uploaded.digest}`,
    );
  await request(s3, `copy ${uploaded.key} to ${to.key}`, (client) =>
    client.send(
      new CopyObjectCommand({
        Bucket: s3.bucket,
        Key: to.key,
        CopySource: `${s3.bucket}/${uploaded.key}`,
        CopySourceIfMatch: head.ETag,
        ContentType: to.mediaType,
        MetadataDirective: 'REPLACE',
      }),
    ),
  );
}

async function digestOfObject(s3: S3, key: string, etag: string | undefined): Promise<Digest> {
  const found = await request(s3, `read ${key}`, (client) =>
    client.send(new GetObjectCommand({ Bucket: s3.bucket, Key: key, IfMatch: etag })),
  );
  const hash = createHash('sha256');
  for await (const chunk of found.Body as Readable) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}`;
}

function hexDigest(base64: string): Digest {
  return `sha256:${Buffer.from(base64, 'base64').toString('hex')}`;
}

async function names(s3: S3, prefix: string, start: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (let ContinuationToken: string | undefined; ;) {
    const list = new ListObjectsV2Command({
      Bucket: s3.bucket,
      Prefix: `${prefix}${start}`,
      ContinuationToken,
    });
    const page = await request(s3, `list ${prefix}${start}`, (client) => client.send(list));
    for (const { Key } of page.Contents ?? [])
      if (Key !== undefined) found.push(Key.slice(prefix.length));
    if (page.NextContinuationToken === undefined) return found;
    ContinuationToken = page.NextContinuationToken;
  }
}
