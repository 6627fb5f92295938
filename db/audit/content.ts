import { createHash } from 'node:crypto';
import type { Digest } from '../../domain/artifact';
import { leafHash } from '../../domain/audit/merkle';
import type { Hash } from '../../domain/audit/merkle';
import { canonicalJson } from '../../domain/canonical';
import type { Query } from '../connection';

/** An audit row exactly as stored: time in microseconds, documents as text. */
export interface StoredAuditRow {
  readonly tenantId: string;
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly keyId: string | null;
  readonly action: string;
  readonly subject: string;
  readonly cause: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** The columns of `StoredAuditRow`, for the table or alias `l`. */
export const storedColumns = (sql: Query) => sql`
  l.tenant_id, l.id, to_char(l.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
  l.actor, l.key_id, l.action, l.subject, l.cause, l.before::text as before, l.after::text as after`;

/**
 * The text of a row that is hashed. Rows without a key keep the hash they had before keys were
 * recorded.
 */
export function formatContent({
  tenantId,
  id,
  at,
  actor,
  keyId,
  action,
  subject,
  cause,
  before,
  after,
}: StoredAuditRow): string {
  const content = { tenant: tenantId, id, at, actor, action, subject, cause, before, after };
  return canonicalJson(keyId === null ? content : { ...content, keyId });
}

export const sha256Hash: Hash = (bytes) => createHash('sha256').update(bytes).digest();

export function hashLeaf(content: string): Digest {
  return toDigest(leafHash(sha256Hash, Buffer.from(content)));
}

export function toDigest(hash: Uint8Array): Digest {
  return `sha256:${Buffer.from(hash).toString('hex')}`;
}

export function toBytes(digest: Digest): Uint8Array {
  return Buffer.from(digest.slice('sha256:'.length), 'hex');
}
