import { GetObjectCommand } from '@aws-sdk/client-s3';
import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import { parseArtifactUri } from './location';
import { request, toFailure, type S3 } from './s3';

export async function readBytes(s3: S3, ref: ArtifactRef): Promise<Uint8Array> {
  const body = await openObject(s3, { ...ref, key: parseArtifactUri(ref, s3.bucket).key });
  const chunks: Uint8Array[] = [];
  try {
    await pipeline(body, verifier(ref), async (verified: AsyncIterable<Uint8Array>) => {
      for await (const chunk of verified) chunks.push(chunk);
    });
  } catch (error) {
    throw toFailure(s3, `read ${ref.uri}`, error);
  }
  return Buffer.concat(chunks);
}

interface Download {
  readonly signal?: AbortSignal;
  readonly onProgress?: (bytes: number) => void;
}

export async function readToFile(
  s3: S3,
  ref: ArtifactRef,
  path: string,
  options: Download,
): Promise<void> {
  await objectToFile(s3, { ...ref, key: parseArtifactUri(ref, s3.bucket).key }, path, options);
}

type StoredObject = Pick<ArtifactRef, 'uri' | 'digest' | 'bytes'> & { readonly key: string };

/** The file appears complete and verified, or not at all. */
export async function objectToFile(
  s3: S3,
  ref: StoredObject,
  path: string,
  { signal, onProgress }: Download = {},
): Promise<void> {
  const body = await openObject(s3, ref, signal);
  // In the folder of the final path, so that the rename is atomic.
  const partial = `${path}.${randomUUID()}.partial`;
  const file = createWriteStream(partial, { flags: 'wx', mode: 0o600 });
  try {
    await pipeline(body, verifier(ref, onProgress), file, { ...(signal && { signal }) });
    await rename(partial, path);
  } catch (error) {
    // A write stream that is destroyed while it opens can still create its file; wait for that.
    if (!file.closed) await new Promise<void>((closed) => file.once('close', closed));
    await rm(partial, { force: true });
    signal?.throwIfAborted();
    if (isLocal(error)) throw error;
    throw toFailure(s3, `read ${ref.uri}`, error);
  }
}

async function openObject(s3: S3, ref: StoredObject, signal?: AbortSignal): Promise<Readable> {
  const get = new GetObjectCommand({ Bucket: s3.bucket, Key: ref.key });
  const { Body, ContentLength } = await request(
    s3,
    `read ${ref.uri}`,
    (client, options) => client.send(get, options),
    signal,
  );
  const body = Body as Readable;
  if (ContentLength !== undefined && ContentLength !== ref.bytes) {
    body.destroy();
    throw mismatch(ref, `it has ${ContentLength} bytes instead of ${ref.bytes}`);
  }
  return body;
}

/**
 * Passes bytes on and fails at the end unless size and digest match the reference. Readers must not
 * act before the end.
 */
function verifier(
  ref: StoredObject | ArtifactRef,
  onProgress?: (bytes: number) => void,
): Transform {
  const hash = createHash('sha256');
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      onProgress?.(bytes);
      done(bytes > ref.bytes ? mismatch(ref, `it has more than ${ref.bytes} bytes`) : null, chunk);
    },
    flush(done) {
      const found: Digest = `sha256:${hash.digest('hex')}`;
      if (bytes !== ref.bytes) done(mismatch(ref, `it ended after ${bytes} of ${ref.bytes} bytes`));
      else done(found === ref.digest ? null : mismatch(ref, `its bytes have the digest ${found}`));
    },
  });
}

function mismatch(ref: StoredObject | ArtifactRef, why: string): Error {
  return failure('DigestMismatch', `${ref.uri} does not match ${ref.digest}: ${why}`, {
    next: 'rerun the stage that made it: perennial run rerun',
  });
}

/** A full disk or a missing folder of this machine is not an error of the store. */
function isLocal(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && 'path' in error;
}
