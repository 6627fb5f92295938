import { S3Client } from '@aws-sdk/client-s3';
import { failure, isPerennialError, type PerennialError } from '../../domain/failure';

export interface S3Settings {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Session token of a temporary credential. */
  readonly sessionToken?: string | null;
}

export interface S3 {
  readonly client: S3Client;
  readonly bucket: string;
  readonly endpoint: string;
}

export function openS3({
  endpoint,
  region,
  bucket,
  accessKeyId,
  secretAccessKey,
  sessionToken,
}: S3Settings): S3 {
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) },
    // Perennial checks SHA-256 over the whole object; an additional CRC would only cost time.
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: 60_000,
      socketTimeout: 60_000,
      throwOnRequestTimeout: true,
    },
  });
  return { client, bucket, endpoint };
}

/**
 * Runs one request and turns errors of the SDK into failures. `what` names the operation and its
 * object in the error.
 */
export async function request<T>(
  s3: S3,
  what: string,
  send: (client: S3Client, options: { readonly abortSignal?: AbortSignal }) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  try {
    return await send(s3.client, signal ? { abortSignal: signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw toFailure(s3, what, error);
  }
}

export function toFailure(s3: S3, what: string, error: unknown): PerennialError {
  if (isPerennialError(error)) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const status = readStatus(error);
  const because = `could not ${what} in bucket ${s3.bucket} at ${s3.endpoint}: ${describeReason(name, message)}`;
  if (name === 'NoSuchBucket')
    return failure('StorageUnavailable', because, { cause: error, next: 'perennial doctor' });
  if (name === 'BadDigest' || name === 'XAmzContentSHA256Mismatch')
    return failure('DigestMismatch', because, { cause: error });
  if (isNotFound(error)) return failure('ArtifactMissing', because, { cause: error });
  if (isClockSkew(name, message)) {
    return failure(
      'StorageUnavailable',
      `${because}; the clocks of this machine (${new Date().toISOString()}) and the store differ`,
      {
        cause: error,
        next:
          'set both clocks by NTP (`timedatectl status` shows whether this one is synchronized); ' +
          'the request is retried',
      },
    );
  }
  if (status === 401 || status === 403) {
    return failure('Forbidden', because, {
      cause: error,
      next:
        'check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN (it may have ' +
        'expired); the credential must be able to read and write the bucket',
    });
  }
  return failure('StorageUnavailable', because, { cause: error });
}

const skewNames = new Set(['RequestTimeTooSkewed', 'RequestInTheFuture', 'RequestExpired']);

/**
 * A signature is valid for a few minutes around its time. Stores answer 403 to a wrong clock too,
 * although the credentials are right.
 */
function isClockSkew(name: string, message: string): boolean {
  if (skewNames.has(name)) return true;
  return /difference between the request time|request has expired|signature (has )?expired|signature not yet (current|valid)/i.test(
    message,
  );
}

/** For an unreadable response, the SDK's own message only points to its debugger. */
function describeReason(name: string, message: string): string {
  if (message.includes('Deserialization error')) return 'the response is not from an S3 service';
  return name === 'Error' || name === message ? message : `${name}, ${message}`;
}

export function isNotFound(error: unknown): boolean {
  return (
    error instanceof Error &&
    error.name !== 'NoSuchBucket' &&
    error.name !== 'NoSuchUpload' &&
    readStatus(error) === 404
  );
}

/** Another writer created the object first. */
export function isPreconditionFailed(error: unknown): boolean {
  return readStatus(error) === 412;
}

/** Two conditional writes collided; AWS asks one of them to retry. */
export function isWriteConflict(error: unknown): boolean {
  return error instanceof Error && error.name === 'ConditionalRequestConflict';
}

function readStatus(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata?.httpStatusCode;
}
