import { generateKeyPairSync, sign } from 'node:crypto';
import { toKeyId, requestKey } from '../../../db/audit/keys';
import type { AuditArchive, AuditHead, AuditKey, AuditSigner } from '../../../db/audit/records';
import type { Registry } from '../../../db/registry';
import { tenant } from '../registry-fixture';

export function newSigner(): AuditSigner {
  const { privateKey, publicKey: key } = generateKeyPairSync('ed25519');
  const publicKey = key.export({ type: 'spki', format: 'der' }).toString('base64');
  return {
    keyId: toKeyId(publicKey),
    publicKey,
    sign: (message) => sign(null, message, privateKey),
  };
}

export async function registerFirst(registry: Registry, signer: AuditSigner): Promise<AuditKey> {
  const request = await requestKey(signer, { tenant, previous: null });
  return registry.audit.registerKey({
    request,
    kind: 'first',
    endorser: null,
    actor: 'setup',
    cause: 'first',
  });
}

/** An archive outside the database, in memory. Tests may change its content. */
export interface MemoryArchive extends AuditArchive {
  stored: AuditHead[];
  storedKeys: AuditKey[];
  /** Thrown by every write while it is set. */
  away: Error | null;
}

export function memoryArchive(place = 'store:memory'): MemoryArchive {
  const archive: MemoryArchive = {
    place,
    where: place,
    stored: [],
    storedKeys: [],
    away: null,
    async storeHead(head) {
      await Promise.resolve();
      if (archive.away) throw archive.away;
      if (!archive.stored.some(({ batch }) => batch === head.batch)) archive.stored.push(head);
    },
    async storeKey(key) {
      await Promise.resolve();
      if (archive.away) throw archive.away;
      if (!archive.storedKeys.some(({ sequence }) => sequence === key.sequence))
        archive.storedKeys.push(key);
    },
    async *heads({ after }) {
      for (const head of [...archive.stored]) {
        await Promise.resolve();
        if (head.batch > after) yield head;
      }
    },
    head: ({ batch }) =>
      Promise.resolve(archive.stored.find((head) => head.batch === batch) ?? null),
    keys: () => Promise.resolve([...archive.storedKeys]),
    close: () => undefined,
  };
  return archive;
}
