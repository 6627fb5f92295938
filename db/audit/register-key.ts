import { failure } from '../../domain/failure';
import { advisoryLocks } from '../advisory-locks';
import type { Sql, Transaction } from '../connection';
import type { AuditKey, AuditRepository } from './records';
import { appendAudit } from './entry';
import {
  endorse,
  computeFingerprint,
  hasConsent,
  toKeyId,
  readKeys,
  findReplacement,
} from './keys';
import { lastHead } from './read-heads';

type KeyRegistration = Parameters<AuditRepository['registerKey']>[0];

/**
 * Appends a key to the chain; does nothing for a key that exists. Waits for a running sealer, so
 * that `fromBatch` is the next batch.
 */
export async function registerKey(
  sql: Sql,
  { request, kind, endorser, actor, cause }: KeyRegistration,
): Promise<AuditKey> {
  const { tenant, publicKey, previous, consent } = request;
  return sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${advisoryLocks.auditSealer}, hashtext(${tenant}))`;
    const keys = await readKeys(tx, tenant);
    const same = keys.find((key) => key.publicKey === publicKey);
    if (same !== undefined) return same;
    check(keys, { request, kind, endorser });
    const last = await lastHead(tx, tenant);
    const entry: AuditKey = {
      tenant,
      sequence: keys.length + 1,
      kind,
      keyId: toKeyId(publicKey),
      publicKey,
      previous,
      fromBatch: kind === 'first' ? 1 : (last?.batch ?? 0) + 1,
      addedAt: new Date().toISOString(),
      addedBy: actor,
      consent,
      endorsement: null,
    };
    const key = endorser === null ? entry : await endorse(endorser, entry);
    await insert(tx, key);
    // The first key has no audit row, because the log begins with it.
    if (kind !== 'first') {
      const after = {
        keyId: key.keyId,
        fingerprint: computeFingerprint(publicKey),
        previous,
        fromBatch: key.fromBatch,
      };
      const action = {
        added: 'auditKey.add',
        rotated: 'auditKey.rotate',
        lost: 'auditKey.replaceLost',
      }[kind];
      await appendAudit(tx, {
        tenant,
        actor,
        action,
        subject: `auditKey:${key.keyId}`,
        cause,
        after,
      });
    }
    return key;
  });
}

function check(
  keys: readonly AuditKey[],
  { request, kind, endorser }: Pick<KeyRegistration, 'request' | 'kind' | 'endorser'>,
): void {
  if (!hasConsent(request)) {
    throw failure(
      'InvalidInput',
      'the new key did not sign its request, or the request was changed',
      { next: 'perennial audit new-key' },
    );
  }
  if (kind === 'first') {
    if (keys.length > 0)
      throw failure('Conflict', `the audit log already has a first key: ${keys[0]?.keyId ?? ''}`);
    return;
  }
  const previous = keys.find((key) => computeFingerprint(key.publicKey) === request.previous);
  if (previous === undefined) {
    throw failure(
      'NotFound',
      `no audit key with the fingerprint ${String(request.previous)} is registered`,
      {
        next: 'perennial audit keys',
      },
    );
  }
  const by = findReplacement(keys, previous.publicKey);
  if (by !== null) {
    throw failure(
      'Conflict',
      `the audit key ${previous.keyId} was already replaced by ${by.keyId}`,
      { next: 'perennial audit keys' },
    );
  }
  if (kind !== 'lost' && endorser?.publicKey !== previous.publicKey) {
    throw failure(
      'Conflict',
      `the new key asks to be endorsed by ${previous.keyId}, which is not the key of this machine`,
      {
        next: `run this on a machine that holds ${previous.keyId}`,
      },
    );
  }
}

async function insert(tx: Transaction, key: AuditKey): Promise<void> {
  const {
    tenant,
    sequence,
    kind,
    keyId,
    publicKey,
    previous,
    fromBatch,
    addedAt,
    addedBy,
    consent,
    endorsement,
  } = key;
  await tx`
    insert into audit_keys (tenant_id, sequence, kind, key_id, public_key, previous, from_batch, added_at, added_by, consent, endorsement)
    values (${tenant}, ${sequence}, ${kind}, ${keyId}, ${publicKey}, ${previous}, ${fromBatch}, ${addedAt}, ${addedBy}, ${consent}, ${endorsement})`;
}
