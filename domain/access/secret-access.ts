/**
 * Which secrets a lifecycle may refer to: an operator key writes the reference, and the worker
 * reads it with its own rights.
 */
import type { SecretRef } from '../lifecycle/lifecycle';

/** Variables that begin with this are for lifecycles. */
const secretPrefix = 'PERENNIAL_SECRET_';

export interface SecretAccess {
  /** Further variables, by name. */
  readonly variables: readonly string[];
  /** The folder that secret files lie in, absolute; null when no file may be named. */
  readonly folder: string | null;
}

export interface SecretRefusal {
  readonly detail: string;
  readonly expected: string;
}

/** Why a lifecycle may not refer to this secret, or null. Says nothing of whether it exists. */
export function secretRefusal(ref: SecretRef, access: SecretAccess): SecretRefusal | null {
  return 'file' in ref ? fileRefusal(ref.file, access) : variableRefusal(ref.env, access);
}

/**
 * Settings and credentials of the platform, which never are a secret of a lifecycle or of a
 * provider.
 */
export function isOwnVariable(name: string): boolean {
  if (name === 'PERENNIAL_SECRET_ENV' || name === 'PERENNIAL_SECRET_DIR') return true;
  return /^(PERENNIAL_|TEMPORAL_|AWS_|PG)/i.test(name) && !name.startsWith(secretPrefix);
}

function variableRefusal(name: string, { variables }: SecretAccess): SecretRefusal | null {
  const isOpen = name.startsWith(secretPrefix) || variables.includes(name);
  if (isOpen && !isOwnVariable(name)) return null;
  return {
    detail: `lifecycles may not read the variable ${name}`,
    expected: `a variable that begins with ${secretPrefix}, or one that PERENNIAL_SECRET_ENV lists`,
  };
}

function fileRefusal(path: string, { folder }: SecretAccess): SecretRefusal | null {
  const names = path.split('/').slice(1);
  const isPlain =
    path.startsWith('/') && names.every((name) => name !== '' && name !== '.' && name !== '..');
  if (folder !== null && isPlain && path.startsWith(`${folder.replace(/\/$/, '')}/`)) return null;
  return {
    detail: `lifecycles may not read the file ${path}`,
    expected:
      folder === null
        ? 'a variable; PERENNIAL_SECRET_DIR names no folder for secret files'
        : `a file below ${folder}`,
  };
}
