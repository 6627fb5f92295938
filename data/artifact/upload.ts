import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import { createHash, randomUUID } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import type { Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import { isNotFound, isPreconditionFailed, isWriteConflict, request, type S3 } from './s3';

/**
 * `replace` overwrites, because the collector may be deleting the object. With `create` the first
 * writer's object stays.
 */
export type WriteMode = 'create' | 'replace';

interface Destination {
  readonly key: string;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly mode: WriteMode;
  readonly signal?: AbortSignal | undefined;
}

/** Uploads in one request; the store verifies the digest before it keeps the bytes. */
export async function uploadBytes(
  s3: S3,
  bytes: Uint8Array,
  { key, digest, mediaType, mode, signal }: Destination,
): Promise<void> {
  const put = new PutObjectCommand({
    Bucket: s3.bucket,
    Key: key,
    Body: bytes,
    ContentLength: bytes.byteLength,
    ContentType: mediaType,
    ChecksumSHA256: base64(digest),
    ...(mode === 'create' && { IfNoneMatch: '*' }),
  });
  await unlessThere(() =>
    request(
      s3,
      `write ${key}`,
      (client, options) => conditional(() => client.send(put, options)),
      signal,
    ),
  );
}

export interface LargeUpload extends Destination {
  readonly path: string;
  readonly bytes: number;
  readonly partBytes: number;
  /** Prefix of this run's unfinished uploads, with a slash at the end. */
  readonly stagingPrefix: string;
  /** Called after every part; also renews the lease. */
  readonly onPart?: (sentBytes: number) => Promise<void> | void;
}

/** Limit of one copy request (AWS). A single copy makes a large upload appear atomically. */
const maxCopyBytes = 5 * 1024 ** 3;

/**
 * Uploads in parts to a staging key, then makes one conditional server-side copy. SeaweedFS ignores
 * `If-None-Match` when parts are completed at the final key. A staging key also names the run of an
 * unfinished upload (I7).
 */
export async function uploadLargeFile(s3: S3, upload: LargeUpload): Promise<void> {
  const { key, bytes, mediaType, mode, signal } = upload;
  if (bytes > maxCopyBytes) {
    throw failure(
      'InvalidInput',
      `${upload.path} has ${bytes} bytes; one artifact holds at most ${maxCopyBytes} bytes`,
      {
        next: 'split it into several files',
      },
    );
  }
  const staged = `${upload.stagingPrefix}${randomUUID()}`;
  await stage(s3, staged, upload);
  try {
    const copy = new CopyObjectCommand({
      Bucket: s3.bucket,
      Key: key,
      CopySource: `${s3.bucket}/${staged}`,
      ContentType: mediaType,
      MetadataDirective: 'REPLACE',
      ...(mode === 'create' && { IfNoneMatch: '*' }),
    });
    await unlessThere(() =>
      request(
        s3,
        `copy ${staged} to ${key}`,
        (client, options) => conditional(() => client.send(copy, options)),
        signal,
      ),
    );
  } catch (error) {
    if (isNotFound((error as Error).cause))
      throw failure('StorageUnavailable', `the unfinished upload ${staged} was removed meanwhile`, {
        cause: error,
      });
    throw error;
  } finally {
    // Best effort: `staging.clear` of the run removes what remains.
    await s3.client
      .send(new DeleteObjectCommand({ Bucket: s3.bucket, Key: staged }))
      .catch(() => undefined);
  }
}

async function stage(s3: S3, key: string, upload: LargeUpload): Promise<void> {
  const { path, digest, signal } = upload;
  const where = { Bucket: s3.bucket, Key: key };
  const create = new CreateMultipartUploadCommand({
    ...where,
    ContentType: upload.mediaType,
    ChecksumAlgorithm: 'SHA256',
  });
  const { UploadId } = await request(
    s3,
    `begin ${key}`,
    (client, options) => client.send(create, options),
    signal,
  );
  const file = await open(path, 'r');
  try {
    const { parts, sent } = await sendParts(s3, file, { ...upload, where: { ...where, UploadId } });
    if (sent !== digest)
      throw failure(
        'DigestMismatch',
        `${path} changed during the upload: its digest is ${sent} instead of ${digest}`,
      );
    const complete = new CompleteMultipartUploadCommand({
      ...where,
      UploadId,
      MultipartUpload: { Parts: parts },
    });
    await request(s3, `finish ${key}`, (client, options) => client.send(complete, options), signal);
  } catch (error) {
    // Report the first error. `staging.clear` of the run aborts what remains.
    await s3.client
      .send(new AbortMultipartUploadCommand({ ...where, UploadId }))
      .catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}

async function sendParts(
  s3: S3,
  file: FileHandle,
  upload: LargeUpload & {
    readonly where: {
      readonly Bucket: string;
      readonly Key: string;
      readonly UploadId: string | undefined;
    };
  },
): Promise<{ readonly parts: CompletedPart[]; readonly sent: Digest }> {
  const { partBytes, signal, where } = upload;
  const whole = createHash('sha256');
  const parts: CompletedPart[] = [];
  const buffer = Buffer.allocUnsafe(partBytes);
  for (let offset = 0, PartNumber = 1; ; PartNumber++) {
    signal?.throwIfAborted();
    const part = await readFully(file, buffer, offset);
    if (part.byteLength === 0) break;
    whole.update(part);
    const ChecksumSHA256 = createHash('sha256').update(part).digest('base64');
    const send = new UploadPartCommand({
      ...where,
      PartNumber,
      Body: part,
      ContentLength: part.byteLength,
      ChecksumSHA256,
    });
    const { ETag } = await request(
      s3,
      `write part ${PartNumber} of ${where.Key}`,
      (client, options) => client.send(send, options),
      signal,
    );
    parts.push({ PartNumber, ETag, ChecksumSHA256 });
    offset += part.byteLength;
    await upload.onPart?.(offset);
  }
  return { parts, sent: `sha256:${whole.digest('hex')}` };
}

/** Fills a part; only the last may be shorter, and one read may return fewer bytes. */
async function readFully(file: FileHandle, buffer: Buffer, offset: number): Promise<Buffer> {
  let filled = 0;
  while (filled < buffer.byteLength) {
    const { bytesRead } = await file.read(
      buffer,
      filled,
      buffer.byteLength - filled,
      offset + filled,
    );
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

async function unlessThere(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!isPreconditionFailed((error as Error).cause)) throw error;
  }
}

async function conditional<T>(send: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      if (attempt === 5 || !isWriteConflict(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50 * attempt));
    }
  }
}

function base64(digest: Digest): string {
  return Buffer.from(digest.slice('sha256:'.length), 'hex').toString('base64');
}
