import { GetObjectCommand } from '@aws-sdk/client-s3';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { formatByteSize } from '../../../domain/byte-size';
import { isPerennialError } from '../../../domain/failure';
import { openS3, request, type S3 } from '../../artifact/s3';
import { objectRefusal } from './bucket-access';
import type { FetchedFiles, SourceFetch } from './source-fetch';
import { limitBytes } from './limits';
import { sourceFailure } from './source-failure';

/** Downloads one object of the configured S3 service with its credential. */
export async function fetchS3(fetch: SourceFetch): Promise<FetchedFiles> {
  const { source, policy } = fetch;
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]+)\/(.+)$/.exec(source.uri) ?? [];
  if (policy.s3 === null)
    throw sourceFailure(
      'SourceRefused',
      source,
      'this worker is not configured for an S3 service to read sources from',
    );
  if (bucket === policy.s3.bucket) {
    throw sourceFailure('SourceRefused', source, "the bucket is Perennial's own", {
      next: 'to read a dataset, write dataset://name@alias',
    });
  }
  const refusal = objectRefusal(bucket, key, policy.buckets);
  if (refusal !== null)
    throw sourceFailure('SourceRefused', source, refusal.detail, { next: refusal.next });
  const s3 = openS3({ ...policy.s3, bucket });
  try {
    return await download(s3, key, fetch);
  } catch (error) {
    fetch.signal.throwIfAborted();
    throw explainFailure(error, source);
  } finally {
    s3.client.destroy();
  }
}

async function download(
  s3: S3,
  key: string,
  { source, into, limits, signal, onProgress }: SourceFetch,
): Promise<FetchedFiles> {
  const get = new GetObjectCommand({ Bucket: s3.bucket, Key: key });
  const { Body, ContentLength = 0 } = await request(
    s3,
    `read ${key}`,
    (client, options) => client.send(get, options),
    signal,
  );
  const body = Body as Readable;
  const tooLarge = (detail: string): Error =>
    sourceFailure('SourceTooLarge', source, detail, { next: 'raise spec.data.limits.size' });
  if (ContentLength > limits.maxBytes) {
    body.destroy();
    throw tooLarge(
      `the object has ${ContentLength} bytes, more than ${formatByteSize(limits.maxBytes)}`,
    );
  }
  const path = join(into, 'object');
  let bytes = 0;
  const counted = limitBytes(limits.maxBytes, tooLarge, (read) => onProgress((bytes = read)));
  await pipeline(body, counted, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal });
  if (bytes !== ContentLength)
    throw sourceFailure(
      'SourceUnreachable',
      source,
      `the transfer ended after ${bytes} of ${ContentLength} bytes`,
    );
  return { paths: [path], bytes };
}

function explainFailure(error: unknown, source: SourceFetch['source']): Error {
  if (!isPerennialError(error))
    return sourceFailure('SourceUnreachable', source, `the transfer failed (${readCode(error)})`, {
      cause: error,
    });
  if (error.type === 'ArtifactMissing')
    return sourceFailure('NotFound', source, 'the object does not exist', { cause: error });
  if (error.type === 'Forbidden') {
    return sourceFailure(
      'SourceRefused',
      source,
      "the S3 service refused the worker's credential",
      {
        cause: error,
        next: 'give the credential in AWS_ACCESS_KEY_ID read access to this bucket',
      },
    );
  }
  if (error.type !== 'StorageUnavailable') return error;
  return (error.cause as Error | undefined)?.name === 'NoSuchBucket'
    ? sourceFailure('NotFound', source, 'the bucket does not exist', { cause: error })
    : sourceFailure(
        'SourceUnreachable',
        source,
        `the S3 service did not answer (${readCode(error.cause)})`,
        { cause: error },
      );
}

function readCode(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: string };
  return typeof code === 'string' ? code : (name ?? 'unknown reason');
}
