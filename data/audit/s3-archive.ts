import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import type { AuditArchive, AuditHead, AuditKey } from '../../db/audit/records';
import { canonicalJson } from '../../domain/canonical';
import { failure } from '../../domain/failure';
import {
  isNotFound,
  isPreconditionFailed,
  openS3,
  request,
  type S3,
  type S3Settings,
} from '../artifact/s3';

const concurrentReads = 32;

/**
 * Keeps signed heads and keys of the audit log outside the database, at
 * `t/<tenant>/audit/heads/<batch>.json` and `…/keys/<sequence>.json`, to detect a cut or rewritten
 * log. The keys are not content-addressed, so a verifier finds them without the database. `role`
 * distinguishes two places with the same bucket name.
 */
export function openS3Archive(role: 'store' | 'second', settings: S3Settings): AuditArchive {
  const s3 = openS3(settings);
  return {
    place: `${role}:s3://${s3.bucket}`,
    where: `s3://${s3.bucket} at ${s3.endpoint}`,
    storeHead: (head) =>
      store(
        s3,
        formatKey(head.tenant, 'heads', head.batch),
        head,
        `the head of batch ${head.batch}`,
      ),
    storeKey: (key) =>
      store(s3, formatKey(key.tenant, 'keys', key.sequence), key, `the audit key ${key.keyId}`),
    async *heads({ tenant, after }) {
      for await (const keys of keysUnder(
        s3,
        formatPrefix(tenant, 'heads'),
        formatKey(tenant, 'heads', after),
      ))
        yield* read<AuditHead>(s3, keys);
    },
    async head({ tenant, batch }) {
      const text = await readOrNull(s3, formatKey(tenant, 'heads', batch));
      return text === null ? null : (JSON.parse(text) as AuditHead);
    },
    async keys(tenant) {
      const found: AuditKey[] = [];
      for await (const keys of keysUnder(s3, formatPrefix(tenant, 'keys')))
        for await (const key of read<AuditKey>(s3, keys)) found.push(key);
      return found;
    },
    close: () => s3.client.destroy(),
  };
}

function formatPrefix(tenant: string, folder: 'heads' | 'keys'): string {
  return `t/${tenant}/audit/${folder}/`;
}

/** Padded, so that keys sort in the order of the batches. */
function formatKey(tenant: string, folder: 'heads' | 'keys', number: number): string {
  return `${formatPrefix(tenant, folder)}${String(number).padStart(12, '0')}.json`;
}

async function store(
  s3: S3,
  key: string,
  value: AuditHead | AuditKey,
  description: string,
): Promise<void> {
  const Body = canonicalJson(value);
  const put = new PutObjectCommand({
    Bucket: s3.bucket,
    Key: key,
    Body,
    ContentType: 'application/json',
    IfNoneMatch: '*',
  });
  await request(s3, `write ${key}`, async (client) => {
    try {
      await client.send(put);
    } catch (error) {
      if (!isPreconditionFailed(error)) throw error;
      if ((await readOrNull(s3, key)) !== Body)
        throw failure(
          'Conflict',
          `${key} in bucket ${s3.bucket} already exists with other content than ${description}`,
        );
    }
  });
}

async function* read<T>(s3: S3, keys: readonly string[]): AsyncGenerator<T> {
  for (let from = 0; from < keys.length; from += concurrentReads) {
    const texts = await Promise.all(
      keys.slice(from, from + concurrentReads).map((key) => readOrNull(s3, key)),
    );
    // An object that was removed after the listing counts as missing.
    for (const text of texts) if (text !== null) yield JSON.parse(text) as T;
  }
}

async function readOrNull(s3: S3, key: string): Promise<string | null> {
  const get = new GetObjectCommand({ Bucket: s3.bucket, Key: key });
  return request(s3, `read ${key}`, async (client) => {
    try {
      return (await (await client.send(get)).Body?.transformToString()) ?? '';
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  });
}

async function* keysUnder(
  s3: S3,
  prefix: string,
  after?: string,
): AsyncGenerator<readonly string[]> {
  for (let ContinuationToken: string | undefined; ;) {
    const list = new ListObjectsV2Command({
      Bucket: s3.bucket,
      Prefix: prefix,
      StartAfter: after,
      ContinuationToken,
    });
    const page = await request(s3, `list ${prefix}`, (client) => client.send(list));
    yield (page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
    if (page.NextContinuationToken === undefined) return;
    ContinuationToken = page.NextContinuationToken;
  }
}
