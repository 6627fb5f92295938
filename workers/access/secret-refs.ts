import { constants } from 'node:fs';
import { open, readlink, realpath } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { isInsideFolder } from '../../data/dataset/sources/file-access';
import { failure } from '../../domain/failure';
import {
  isOwnVariable,
  type SecretAccess,
  type SecretRef,
  secretRefusal,
} from '../../domain/access/secret-access';
import type { Environment } from '../environment';
import type { SettingError } from '../temporal/settings';

export const secretSettings = {
  /** Variables that lifecycles may refer to besides PERENNIAL_SECRET_*, separated by commas. */
  PERENNIAL_SECRET_ENV: z.string().optional(),
  /** The folder whose files lifecycles may refer to. */
  PERENNIAL_SECRET_DIR: z.string().optional(),
};

/** A larger file is not a secret: the path is wrong, or it is an endless device. */
const maxBytes = 65_536;

export function readSecretAccess(
  given: Environment,
  ownFolders: readonly string[],
): { readonly access: SecretAccess; readonly errors: readonly SettingError[] } {
  const listed = (given['PERENNIAL_SECRET_ENV'] ?? '').split(',').map((name) => name.trim());
  const variables = listed.filter((name) => name !== '');
  const folder = given['PERENNIAL_SECRET_DIR'] ?? null;
  const own = variables.filter(
    (name) => isOwnVariable(name) || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name),
  );
  const errors = [
    ...own.map((name) => ({
      setting: 'PERENNIAL_SECRET_ENV',
      detail: isOwnVariable(name)
        ? `${name} is the platform's own variable`
        : `${name} is not a valid variable name`,
    })),
    ...folderErrors(folder, ownFolders),
  ];
  return { access: { variables, folder: folder === null ? null : resolve(folder) }, errors };
}

function folderErrors(
  folder: string | null,
  ownFolders: readonly string[],
): readonly SettingError[] {
  const setting = 'PERENNIAL_SECRET_DIR';
  if (folder === null) return [];
  if (!isAbsolute(folder)) return [{ setting, detail: `${folder} is not an absolute path` }];
  const at = resolve(folder);
  const own = ownFolders.find(
    (each) => at === each || isInsideFolder(each, at) || isInsideFolder(at, each),
  );
  return own === undefined
    ? []
    : [{ setting, detail: `${folder} overlaps ${own}, which holds the platform's own files` }];
}

/**
 * Reads a secret that a lifecycle refers to. It is read at each use, so that a change takes effect.
 * The value stays with the caller (I11).
 */
export function lifecycleSecrets(
  environment: Environment,
  access: SecretAccess,
): (ref: SecretRef) => Promise<string> {
  return async (ref) => {
    const refusal = secretRefusal(ref, access);
    if (refusal !== null)
      throw failure('InvalidInput', refusal.detail, { next: `name ${refusal.expected}` });
    return 'file' in ref ? readSecret(ref.file, access.folder) : readVariable(ref.env, environment);
  };
}

/**
 * Reads a secret that the operator's settings refer to, such as the key of a provider. Any file is
 * allowed, and any variable that is not a setting of the platform.
 */
export function operatorSecrets(environment: Environment): (ref: SecretRef) => Promise<string> {
  return async (ref) => {
    if ('file' in ref) return readSecret(ref.file, null);
    if (isOwnVariable(ref.env) && ref.env !== embeddedModelKey) {
      throw failure(
        'InvalidInput',
        `${ref.env} is a setting of the platform and cannot be used as a secret`,
      );
    }
    return readVariable(ref.env, environment);
  };
}

/** The embedded model is called like a provider, so its key is an exception. */
const embeddedModelKey = 'PERENNIAL_LLM_API_KEY';

function readVariable(name: string, environment: Environment): string {
  const value = environment[name] ?? '';
  if (value !== '') return value;
  throw failure('InvalidInput', `the environment variable ${name} is not set in this process`, {
    next: `set ${name} and restart the process`,
  });
}

/** The file must lie below `folder` after links are resolved; null allows any place. */
async function readSecret(path: string, folder: string | null): Promise<string> {
  const real = await explainError(path, () => realpath(path));
  if (folder !== null) await checkPlace(path, real, folder);
  // O_NONBLOCK: opening a pipe would wait for a writer. O_NOFOLLOW: the path is already resolved.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const file = await explainError(path, () => open(real, flags));
  try {
    // A folder of the path may have become a link meanwhile; Linux knows where the open file lies.
    if (folder !== null && process.platform === 'linux')
      await checkPlace(path, await readlink(`/proc/self/fd/${file.fd}`), folder);
    const found = await file.stat();
    if (!found.isFile() || found.size > maxBytes)
      throw failure('InvalidInput', `the secret's file ${path} is not a file of at most 64 KiB`);
    const value = (await file.readFile('utf8')).trim();
    if (value === '') throw failure('InvalidInput', `the secret's file ${path} is empty`);
    return value;
  } finally {
    await file.close();
  }
}

async function checkPlace(path: string, real: string, folder: string): Promise<void> {
  if (isInsideFolder(real, await explainError(folder, () => realpath(folder)))) return;
  throw failure('InvalidInput', `the secret's file ${path} is a link that leads out of ${folder}`, {
    next: `put the file below ${folder}`,
  });
}

async function explainError<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw failure('InvalidInput', `the secret's file ${path} cannot be read: ${reason}`, {
      cause: error,
    });
  }
}
