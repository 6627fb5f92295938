/**
 * The chain of trust of the keys that sign the audit log. Anyone with write access to the database
 * can insert a key, so a key counts only if signatures connect it to a key trusted from outside. A
 * new key signs which key precedes it (`consent`), and the preceding key signs the entry
 * (`endorsement`): trust goes both ways. A key that replaces a lost one has no endorsement, so
 * trust goes only from the new key to the old one.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import type { Digest } from '../../domain/artifact';
import { canonicalJson } from '../../domain/canonical';
import type { Tenant } from '../../domain/ids';
import { failure } from '../../domain/failure';
import type { Query } from '../connection';
import type { AuditKey, AuditSigner } from './records';
import type { auditKeys } from './schema';

/** `publicKey`: SPKI DER, base64. */
export function computeFingerprint(publicKey: string): Digest {
  return `sha256:${createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex')}`;
}

export function toKeyId(publicKey: string): string {
  return computeFingerprint(publicKey).slice('sha256:'.length, 'sha256:'.length + 16);
}

export type KeyRequest = Pick<AuditKey, 'tenant' | 'publicKey' | 'previous' | 'consent'>;

/** Signs with a new key that it follows `previous`. */
export async function requestKey(
  signer: AuditSigner,
  { tenant, previous }: { readonly tenant: Tenant; readonly previous: Digest | null },
): Promise<KeyRequest> {
  const consent = await signText(
    signer,
    consentText({ tenant, publicKey: signer.publicKey, previous }),
  );
  return { tenant, publicKey: signer.publicKey, previous, consent };
}

export async function endorse(signer: AuditSigner, key: AuditKey): Promise<AuditKey> {
  return { ...key, endorsement: await signText(signer, endorsedText(key)) };
}

async function signText(signer: AuditSigner, text: string): Promise<string> {
  return Buffer.from(await signer.sign(Buffer.from(text))).toString('base64');
}

function consentText({
  tenant,
  publicKey,
  previous,
}: Pick<AuditKey, 'tenant' | 'publicKey' | 'previous'>): string {
  return canonicalJson({ purpose: 'perennial audit key', tenant, publicKey, previous });
}

function endorsedText({
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
}: AuditKey): string {
  const content = {
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
  };
  return canonicalJson({ purpose: 'perennial audit key endorsement', ...content });
}

export function hasConsent(key: KeyRequest): boolean {
  return isSignedBy(key.publicKey, consentText(key), key.consent);
}

function isEndorsedBy(key: AuditKey, publicKey: string): boolean {
  return key.endorsement !== null && isSignedBy(publicKey, endorsedText(key), key.endorsement);
}

function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  try {
    const key = createPublicKey({
      key: Buffer.from(publicKey, 'base64'),
      format: 'der',
      type: 'spki',
    });
    return (
      key.asymmetricKeyType === 'ed25519' &&
      verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'))
    );
  } catch {
    return false;
  }
}

/** A registered key with its trust, as the signatures show it. */
export interface KeyTrust {
  readonly key: AuditKey;
  readonly fingerprint: Digest;
  /** Why the key is not trusted; null when signatures connect it to an anchor. */
  readonly distrust: string | null;
  /** The first batch that it may no longer sign. */
  readonly untilBatch: number | null;
}

/** `anchors`: fingerprints that are trusted from outside the registry. */
export function assessKeyTrust(
  keys: readonly AuditKey[],
  anchors: readonly Digest[],
): readonly KeyTrust[] {
  const byFingerprint = new Map(keys.map((key) => [computeFingerprint(key.publicKey), key]));
  const edges = new Map<Digest, Digest[]>();
  const link = (from: Digest, to: Digest) => edges.set(from, [...(edges.get(from) ?? []), to]);
  for (const [own, key] of byFingerprint) {
    if (key.previous === null || !hasConsent(key)) continue;
    link(own, key.previous);
    const previous = byFingerprint.get(key.previous);
    if (previous !== undefined && isEndorsedBy(key, previous.publicKey)) link(key.previous, own);
  }
  const trusted = new Set<Digest>();
  for (const queue = [...anchors]; queue.length > 0;) {
    const next = queue.pop();
    if (next === undefined || trusted.has(next)) continue;
    trusted.add(next);
    queue.push(...(edges.get(next) ?? []));
  }
  const replaced = new Map<Digest, number>();
  for (const [own, key] of byFingerprint) {
    const previous = key.previous === null ? undefined : byFingerprint.get(key.previous);
    if (previous === undefined || key.previous === null || !trusted.has(own)) continue;
    const ends =
      key.kind === 'lost' || (key.kind === 'rotated' && isEndorsedBy(key, previous.publicKey));
    if (ends)
      replaced.set(key.previous, Math.min(replaced.get(key.previous) ?? Infinity, key.fromBatch));
  }
  return keys.map((key) => {
    const fingerprint = computeFingerprint(key.publicKey);
    return {
      key,
      fingerprint,
      distrust: distrustReason(key, fingerprint, trusted),
      untilBatch: replaced.get(fingerprint) ?? null,
    };
  });
}

function distrustReason(
  key: AuditKey,
  fingerprint: Digest,
  trusted: ReadonlySet<Digest>,
): string | null {
  if (key.keyId !== toKeyId(key.publicKey)) return 'its id does not match its public key';
  if (!hasConsent(key)) return 'its own signature of its entry is not valid';
  if (trusted.has(fingerprint)) return null;
  if (key.kind === 'lost')
    return `it was made after the key ${shortenFingerprint(key.previous)} was lost, so no earlier key endorses it`;
  return 'no chain of valid signatures leads to it from a trusted key';
}

function shortenFingerprint(fingerprint: Digest | null): string {
  return fingerprint === null ? '' : fingerprint.slice('sha256:'.length, 'sha256:'.length + 16);
}

/** Key id → SPKI DER, base64. */
export function listPublicKeys(keyTrust: readonly KeyTrust[]): Readonly<Record<string, string>> {
  return Object.fromEntries(keyTrust.map(({ key }) => [key.keyId, key.publicKey]));
}

type AuditKeyRow = typeof auditKeys.$inferSelect;

export async function readKeys(sql: Query, tenant: Tenant): Promise<readonly AuditKey[]> {
  const rows = await sql<
    AuditKeyRow[]
  >`select * from audit_keys where tenant_id = ${tenant} order by sequence`;
  return rows.map(({ tenantId, ...key }) => ({ tenant: tenantId, ...key }));
}

/**
 * The key that replaced this one, by the entries alone and without checking signatures. A sealer
 * uses it to notice its own replacement.
 */
export function findReplacement(keys: readonly AuditKey[], publicKey: string): AuditKey | null {
  const fingerprint = computeFingerprint(publicKey);
  return (
    keys.find(
      (key) => key.previous === fingerprint && (key.kind === 'rotated' || key.kind === 'lost'),
    ) ?? null
  );
}

/** @throws Conflict with the next step, when this key may not sign now */
export function checkMaySign(keys: readonly AuditKey[], signer: AuditSigner): void {
  const known = keys.some((key) => key.publicKey === signer.publicKey);
  if (!known) {
    throw failure(
      'Conflict',
      `the audit key ${signer.keyId} of this machine is not registered, so this machine cannot seal the audit log`,
      {
        next:
          keys.length === 0
            ? 'restart the worker'
            : `perennial audit new-key --previous ${computeFingerprint(keys[0]?.publicKey ?? '')}`,
      },
    );
  }
  const by = findReplacement(keys, signer.publicKey);
  if (by !== null) {
    throw failure(
      'Conflict',
      `the audit key ${signer.keyId} was replaced by ${by.keyId} on ${by.addedAt}, but this worker still uses it`,
      {
        next: 'finish an interrupted rotation with perennial audit rotate-key, or give this worker the new key',
      },
    );
  }
}
