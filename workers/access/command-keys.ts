/**
 * The secrets with which the API signs commands and workers check them: one file that both read.
 */
import { randomBytes } from 'node:crypto';
import { failure } from '../../domain/failure';
import type { CommandKey, CommandKeys } from '../../data/access/command-signature';
import { readPrivateJson, writePrivateJson } from '../../infra/private-file';

const wayOut =
  'perennial setup makes it; API and workers must read the same one (PERENNIAL_COMMAND_KEYS_FILE)';

/**
 * Reads the file whenever it is asked, so that a rotation needs no restart: a new entry in front
 * signs from then on, and an old one can go after ten minutes, when what it signed has expired.
 * @throws PlatformUnavailable when the file is missing or holds no keys.
 */
export function commandKeysIn(file: string): CommandKeys {
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

/** Makes the first key where there is no file. */
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
