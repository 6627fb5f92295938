import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditSigner } from '../db/repositories/audit';

/** The installation's Ed25519 key, made once and readable by its user alone. Whoever holds it can seal; verifying needs the public half. */
export function auditSigner(stateDir: string): AuditSigner & { readonly publicKey: string } {
  const privateKey = createPrivateKey(readOrMake(join(stateDir, 'run')));
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return {
    keyId: createHash('sha256').update(publicKey).digest('hex').slice(0, 16),
    publicKey: publicKey.toString('base64'),
    sign: (message) => sign(null, message, privateKey),
  };
}

/** API and worker start at the same moment and want the same key: a link appears complete or not at all, and only once. */
function readOrMake(directory: string): string {
  const file = join(directory, 'audit-key.pem');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (!existsSync(file)) {
    const own = `${file}.${process.pid}`;
    writeFileSync(own, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flush: true });
    try {
      linkSync(own, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(own, { force: true });
    }
  }
  return readFileSync(file, 'utf8');
}
