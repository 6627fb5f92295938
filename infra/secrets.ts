import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { failure } from '../domain/failure';
import { readPrivateJson, writePrivateJson } from './private-file';

/** Random secrets, made once per state folder. Other users can reach servers on loopback. */
export interface Secrets {
  readonly databasePassword: string;
  readonly s3AccessKeyId: string;
  readonly s3SecretAccessKey: string;
  readonly s3InternalKey: string;
}

/**
 * Reads or makes the secrets. `guards` are folders that need the existing ones; if such a folder
 * exists without secrets, new ones would not fit.
 */
export function openSecrets(file: string, guards: readonly string[]): Secrets {
  const kept = readPrivateJson(file);
  if (isSecrets(kept)) return kept;
  const locked = guards.find((folder) => existsSync(folder));
  if (locked !== undefined) {
    throw failure(
      'PlatformUnavailable',
      `${file} is missing or incomplete, and the data in ${locked} cannot be read without it`,
      {
        next: 'Restore it from a backup, or start over with `npx perennial up --fresh`',
      },
    );
  }
  const secrets: Secrets = {
    databasePassword: randomBytes(24).toString('base64url'),
    s3AccessKeyId: `PERENNIAL${randomBytes(6).toString('hex').toUpperCase()}`,
    s3SecretAccessKey: randomBytes(30).toString('base64url'),
    s3InternalKey: randomBytes(24).toString('base64url'),
  };
  writePrivateJson(file, secrets);
  return secrets;
}

function isSecrets(value: unknown): value is Secrets {
  const names = ['databasePassword', 's3AccessKeyId', 's3SecretAccessKey', 's3InternalKey'];
  return (
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === 'string')
  );
}
