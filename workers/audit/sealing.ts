import { requestKey } from '../../db/audit/keys';
import type { AuditArchive, AuditRepository, AuditSigner } from '../../db/audit/records';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import { ensureKeyFile, describeKeyRef, readSigner, type AuditKeyRef } from './key';
import type { Logger } from '../log';

type SealingAudit = Pick<
  AuditRepository,
  'unsealedTenants' | 'keys' | 'heads' | 'registerKey' | 'seal' | 'copyTo'
>;

export interface Sealing {
  readonly audit: SealingAudit;
  readonly keyRef: AuditKeyRef;
  /** No new head is sealed until the first archive has the last one; the others may lag behind. */
  readonly archives: readonly [AuditArchive, ...AuditArchive[]];
  readonly log: Pick<Logger, 'warn'>;
}

/**
 * Seals the entries that are not sealed yet, in batches, and copies heads and keys to archives. A
 * tenant whose log cannot be sealed does not stop the others.
 */
export async function sealAudit(
  { audit, keyRef, archives, log }: Sealing,
  stopped: AbortSignal,
): Promise<void> {
  const failures: unknown[] = [];
  for (const tenant of await audit.unsealedTenants(archives.map(({ place }) => place)))
    await sealTenant({ audit, keyRef, archives, log }, tenant, stopped).catch((error: unknown) => {
      log.warn({ err: error, tenant }, 'sealing the audit log of a tenant failed');
      failures.push(error);
    });
  if (failures.length > 0) throw failures[0] as Error;
}

async function sealTenant(
  { audit, keyRef, archives: [archive, ...others], log }: Sealing,
  tenant: Tenant,
  stopped: AbortSignal,
): Promise<void> {
  const signer = await ensureSigner({ audit, keyRef, tenant });
  for (let isMore = true; isMore && !stopped.aborted;) {
    const head = await audit.seal({ tenant, signer, archive });
    isMore = head !== null && head !== 'busy';
  }
  for (const other of others) {
    await audit.copyTo({ tenant, archive: other }).catch((error: unknown) => {
      log.warn(
        { err: error, place: other.where },
        'copying heads of the audit log failed; next attempt in 10 s',
      );
    });
  }
}

interface SealingKeyRequest {
  readonly audit: Pick<SealingAudit, 'keys' | 'heads' | 'registerKey'>;
  readonly keyRef: AuditKeyRef;
  readonly tenant: Tenant;
}

/**
 * Returns the key of this machine. If the log has no key, the platform's own key file is created
 * and registered as the first key; the first registration wins. A log that has keys never gets
 * another one silently.
 */
export async function ensureSigner({
  audit,
  keyRef,
  tenant,
}: SealingKeyRequest): Promise<AuditSigner> {
  const keys = await audit.keys(tenant);
  const isNew =
    keys.length === 0 && (await audit.heads({ tenant, pageSize: 1 })).items.length === 0;
  const kept = readSigner(keyRef);
  const signer =
    kept ?? (isNew && 'file' in keyRef && keyRef.isOwn ? ensureKeyFile(keyRef.file) : null);
  if (signer === null) throw missing(keyRef, keys.at(-1)?.keyId ?? null);
  if (keys.length > 0) return signer;
  const request = await requestKey(signer, { tenant, previous: null });
  await audit.registerKey({
    request,
    kind: 'first',
    endorser: null,
    actor: 'setup',
    cause: 'the first key of the audit log',
  });
  return signer;
}

function missing(keyRef: AuditKeyRef, lastKey: string | null): Error {
  const sealedBy =
    lastKey === null
      ? 'the audit log of this database was sealed with another key'
      : `its last key is ${lastKey}`;
  return failure(
    'NotFound',
    `there is no audit key in ${describeKeyRef(keyRef)}, ` +
      `so this machine cannot seal the audit log; ${sealedBy}`,
    {
      next: [
        'restore the file from a backup',
        'or name it in PERENNIAL_AUDIT_KEY_FILE',
        'or, on an additional machine, create a key with `perennial audit new-key`',
        'or, if the key is lost, replace it with `perennial audit rotate-key --lost`',
      ].join(', '),
    },
  );
}
