import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import type { AuditHead } from '../db/repositories/audit';
import { canonicalJson } from '../domain/canonical';
import { failure } from '../domain/failure';
import { isThereAlready, openS3, request, type S3, type S3Settings } from './artifacts/s3';

/**
 * The signed heads of the audit log outside the database, at `t/<tenant>/audit/heads/<batch>.json`: by them a cut or rewritten log is found.
 * Not content-addressed like artifacts, because whoever verifies must find them without asking the database, and nothing collects them.
 */
export interface AuditHeadArchive {
  /** The same head again: nothing happens. Conflict when another one is there: somebody sealed this batch differently. */
  store(head: AuditHead): Promise<void>;
  /** In order of their batches. */
  list(tenant: string): Promise<readonly AuditHead[]>;
  close(): void;
}

const atOnce = 32;

export function openAuditHeads(settings: S3Settings): AuditHeadArchive {
  const s3 = openS3(settings);
  return {
    async store(head) {
      const key = keyOf(head);
      const Body = canonicalJson(head);
      const put = new PutObjectCommand({ Bucket: s3.bucket, Key: key, Body, ContentType: 'application/json', IfNoneMatch: '*' });
      await request(s3, `write ${key}`, async (client) => {
        try {
          await client.send(put);
        } catch (error) {
          if (!isThereAlready(error)) throw error;
          if ((await read(s3, key)) !== Body) throw failure('Conflict', `${key} holds another head than the one of batch ${head.batch}`);
        }
      });
    },
    async list(tenant) {
      const keys = await keysUnder(s3, prefixOf(tenant));
      const heads: AuditHead[] = [];
      for (let from = 0; from < keys.length; from += atOnce) {
        const texts = await Promise.all(keys.slice(from, from + atOnce).map((key) => read(s3, key)));
        heads.push(...texts.map((text) => JSON.parse(text) as AuditHead));
      }
      return heads;
    },
    close: () => s3.client.destroy(),
  };
}

function prefixOf(tenant: string): string {
  return `t/${tenant}/audit/heads/`;
}

/** Padded, so that the keys' order is that of the batches. */
function keyOf({ tenant, batch }: AuditHead): string {
  return `${prefixOf(tenant)}${String(batch).padStart(12, '0')}.json`;
}

async function read(s3: S3, key: string): Promise<string> {
  const get = new GetObjectCommand({ Bucket: s3.bucket, Key: key });
  return request(s3, `read ${key}`, async (client) => (await client.send(get)).Body?.transformToString() ?? '');
}

async function keysUnder(s3: S3, prefix: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for (let ContinuationToken: string | undefined; ;) {
    const list = new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: prefix, ContinuationToken });
    const page = await request(s3, `list ${prefix}`, (client) => client.send(list));
    for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key);
    if (page.NextContinuationToken === undefined) return keys.sort();
    ContinuationToken = page.NextContinuationToken;
  }
}
