import { constants } from 'node:fs';
import { open, readlink, realpath } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { isBelow } from '../../data/dataset/sources/file-access';
import { failure } from '../../domain/failure';
import type { SecretRef } from '../../domain/lifecycle/lifecycle';
import { isOwnVariable, secretRefusal, type SecretAccess } from '../../domain/access/secret-access';
import type { Environment } from '../environment';
import type { SettingMistake } from '../temporal/settings';

export const secretSettings = {
  /** Variables that lifecycles may refer to besides PERENNIAL_SECRET_*, separated by commas. */
  PERENNIAL_SECRET_ENV: z.string().optional(),
  /** The folder whose files lifecycles may refer to. */
  PERENNIAL_SECRET_DIR: z.string().optional(),
};

/** Larger content is not a secret but a mistake, or a device without an end. */
const maxBytes = 65_536;

export function readSecretAccess(
  given: Environment,
  ownFolders: readonly string[],
): { readonly access: SecretAccess; readonly mistakes: readonly SettingMistake[] } {
  const listed = (given['PERENNIAL_SECRET_ENV'] ?? '').split(',').map((name) => name.trim());
  const variables = listed.filter((name) => name !== '');
  const folder = given['PERENNIAL_SECRET_DIR'] ?? null;
  const own = variables.filter(
    (name) => isOwnVariable(name) || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name),
  );
  const mistakes = [
    ...own.map((name) => ({
      setting: 'PERENNIAL_SECRET_ENV',
      detail: isOwnVariable(name)
        ? `${name} is the platform's own`
        : `${name} is no name of a variable`,
    })),
    ...folderMistakes(folder, ownFolders),
  ];
  return { access: { variables, folder: folder === null ? null : resolve(folder) }, mistakes };
}

function folderMistakes(
  folder: string | null,
  ownFolders: readonly string[],
): readonly SettingMistake[] {
  const setting = 'PERENNIAL_SECRET_DIR';
  if (folder === null) return [];
  if (!isAbsolute(folder)) return [{ setting, detail: `${folder} is no absolute path` }];
  const at = resolve(folder);
  const own = ownFolders.find((each) => at === each || isBelow(each, at) || isBelow(at, each));
  return own === undefined
    ? []
    : [{ setting, detail: `${folder} shares files with ${own}, which holds the platform's own` }];
}

/**
 * Reads a secret that a lifecycle refers to, where and when it is needed, so that a changed one is
 * found. Its value stays with the caller (I11).
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
 * The same for settings that whoever operates the platform wrote, such as the keys of providers:
 * any file, any variable but its own.
 */
export function operatorSecrets(environment: Environment): (ref: SecretRef) => Promise<string> {
  return async (ref) => {
    if ('file' in ref) return readSecret(ref.file, null);
    if (isOwnVariable(ref.env) && ref.env !== embeddedModelKey) {
      throw failure(
        'InvalidInput',
        `${ref.env} is a setting of the platform, and not a secret for others`,
      );
    }
    return readVariable(ref.env, environment);
  };
}

/** The platform's own model is reached like a provider. */
const embeddedModelKey = 'PERENNIAL_LLM_API_KEY';

function readVariable(name: string, environment: Environment): string {
  const value = environment[name] ?? '';
  if (value !== '') return value;
  throw failure('InvalidInput', `this worker has no variable ${name}`, {
    next: `start the worker with ${name} set`,
  });
}

/** `folder` is where the file must really lie, links resolved. */
async function readSecret(path: string, folder: string | null): Promise<string> {
  const real = await explained(path, () => realpath(path));
  if (folder !== null) await checkPlace(path, real, folder);
  // Without O_NONBLOCK, opening a pipe waits for a writer. O_NOFOLLOW: the real path ends in no
  // link.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const file = await explained(path, () => open(real, flags));
  try {
    // Linux says where the opened file lies; a folder on the way may have become a link meanwhile.
    if (folder !== null && process.platform === 'linux')
      await checkPlace(path, await readlink(`/proc/self/fd/${file.fd}`), folder);
    const found = await file.stat();
    if (!found.isFile() || found.size > maxBytes)
      throw failure('InvalidInput', `the secret's file ${path} is no file of at most 64 KiB`);
    const value = (await file.readFile('utf8')).trim();
    if (value === '') throw failure('InvalidInput', `the secret's file ${path} is empty`);
    return value;
  } finally {
    await file.close();
  }
}

async function checkPlace(path: string, real: string, folder: string): Promise<void> {
  if (isBelow(real, await explained(folder, () => realpath(folder)))) return;
  throw failure('InvalidInput', `the secret's file ${path} is a link that leads out of ${folder}`, {
    next: `put the file below ${folder}`,
  });
}

async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw failure('InvalidInput', `the secret's file ${path} cannot be read: ${reason}`, {
      cause: error,
    });
  }
}
