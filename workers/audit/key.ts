/**
 * The private key that signs the audit log: its place, reading it and creating it.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { toKeyId } from '../../db/audit/keys';
import type { AuditSigner } from '../../db/audit/records';
import { failure } from '../../domain/failure';

/**
 * `isOwn` is true for the file in the state folder, which Perennial creates for a new audit log. A
 * file or variable from the settings belongs to the operator.
 */
export type AuditKeyRef =
  | { readonly file: string; readonly isOwn: boolean }
  | { readonly env: string; readonly pem: string };

export function ownKeyFile(stateDir: string): string {
  return join(stateDir, 'run', 'audit-key.pem');
}

/** Where a rotation puts the new key until it is registered. */
export function nextKeyFile(file: string): string {
  return `${file}.next`;
}

export function describeKeyRef(ref: AuditKeyRef): string {
  return 'file' in ref ? ref.file : `the variable ${ref.env}`;
}

/** Null when there is no file. It is read at each use, so that a changed key takes effect. */
export function readSigner(ref: AuditKeyRef): AuditSigner | null {
  if ('env' in ref) return toSigner(ref.pem, describeKeyRef(ref));
  return existsSync(ref.file) ? toSigner(readFileSync(ref.file, 'utf8'), ref.file) : null;
}

function toSigner(pem: string, where: string): AuditSigner {
  const privateKey = parseKey(pem, where);
  const publicKey = createPublicKey(privateKey)
    .export({ type: 'spki', format: 'der' })
    .toString('base64');
  return {
    keyId: toKeyId(publicKey),
    publicKey,
    sign: (message) => sign(null, message, privateKey),
  };
}

/** The parser's message is dropped because it may quote the key. */
function parseKey(pem: string, where: string): KeyObject {
  let key: KeyObject | null = null;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The error below covers text that is not PEM as well.
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw failure('InvalidInput', `the audit key in ${where} is not an Ed25519 private key in PEM`, {
    next: 'restore it, or create a key with: openssl genpkey -algorithm ed25519',
  });
}

/**
 * Creates a key file that only its user can read, unless there is one. Processes may start
 * together: a hard link is atomic, and only the first one succeeds.
 */
export function ensureKeyFile(file: string): AuditSigner {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  if (!existsSync(file)) {
    const unfinished = `${file}.${process.pid}`;
    writeFileSync(
      unfinished,
      generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
      {
        mode: 0o600,
        flush: true,
      },
    );
    try {
      linkSync(unfinished, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(unfinished, { force: true });
    }
  }
  return toSigner(readFileSync(file, 'utf8'), file);
}

/** Replaces the old key file with the new one, which is registered by now. */
export function replaceKeyFile(file: string): void {
  renameSync(nextKeyFile(file), file);
}
