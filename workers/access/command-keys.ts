/**
 * The keys of commands: the API signs with them and workers verify with them. Both read one file.
 */
import { randomBytes } from 'node:crypto';
import { failure } from '../../domain/failure';
import type { CommandKey, CommandKeys } from '../../data/access/command-signature';
import { readPrivateJson, writePrivateJson } from '../../infra/private-file';

const wayOut =
  'perennial setup creates it; the API and the workers must read the same file ' +
  '(PERENNIAL_COMMAND_KEYS_FILE)';

/**
 * Reads the file at each call, so that a rotation needs no restart. The first entry signs. An old
 * entry may be removed when the commands and the tokens of jobs that it signed have expired.
 * @throws PlatformUnavailable when the file is missing or holds no keys.
 */
export function commandKeysFrom(file: string): CommandKeys {
  return () => {
    const kept = readPrivateJson(file, wayOut);
    const keys = (kept as { readonly keys?: unknown } | null)?.keys;
    if (!Array.isArray(keys) || !keys.every(isKey)) {
      throw failure(
        'PlatformUnavailable',
        `${file} is missing or holds no keys for signing commands`,
        { next: wayOut },
      );
    }
    const [first, ...rest] = keys;
    if (!first)
      throw failure('PlatformUnavailable', `${file} holds no key for signing commands`, {
        next: wayOut,
      });
    return [first, ...rest];
  };
}

/** Creates the file with one key unless it exists. */
export function ensureCommandKeys(file: string): void {
  if (readPrivateJson(file, wayOut) === null) writePrivateJson(file, { keys: [newCommandKey()] });
}

function newCommandKey(): CommandKey {
  return {
    id: `ck_${randomBytes(6).toString('hex')}`,
    secret: randomBytes(32).toString('base64url'),
  };
}

function isKey(value: unknown): value is CommandKey {
  const { id, secret } = (value ?? {}) as Partial<Record<keyof CommandKey, unknown>>;
  return typeof id === 'string' && typeof secret === 'string' && secret.length >= 32;
}
