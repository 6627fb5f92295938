import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { failure } from '../domain/failure';
import { readPrivateJson, writePrivateJson } from './private-file';

/** Random secrets, made once per state folder. Other users can reach servers on loopback. */
export interface Secrets {
  /** Password of the owner of the tables, with which only setup connects. */
  readonly databasePassword: string;
  /** Password of the role with which API, workers and gateways connect. */
  readonly databaseAppPassword: string;
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
  if (isSecrets(kept)) return withAppPassword(file, kept);
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
    databaseAppPassword: randomBytes(24).toString('base64url'),
    s3AccessKeyId: `PERENNIAL${randomBytes(6).toString('hex').toUpperCase()}`,
    s3SecretAccessKey: randomBytes(30).toString('base64url'),
    s3InternalKey: randomBytes(24).toString('base64url'),
  };
  writePrivateJson(file, secrets);
  return secrets;
}

/** Versions before the second role of the database made no password for it. */
function withAppPassword(file: string, kept: KeptSecrets): Secrets {
  const { databaseAppPassword } = kept;
  if (databaseAppPassword !== undefined) return { ...kept, databaseAppPassword };
  const secrets = { ...kept, databaseAppPassword: randomBytes(24).toString('base64url') };
  writePrivateJson(file, secrets);
  return secrets;
}

type KeptSecrets = Omit<Secrets, 'databaseAppPassword'> & Partial<Secrets>;

function isSecrets(value: unknown): value is KeptSecrets {
  const names = ['databasePassword', 's3AccessKeyId', 's3SecretAccessKey', 's3InternalKey'];
  return (
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === 'string')
  );
}
