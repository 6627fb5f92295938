/**
 * The secrets that a lifecycle may refer to. An operator writes the reference, but the worker reads
 * it with its own rights.
 */

/** Lifecycles may read variables with this prefix. */
const secretPrefix = 'PERENNIAL_SECRET_';

/** The place of a secret, never its value. Activities read it. */
export type SecretRef = { readonly env: string } | { readonly file: string };

export interface SecretAccess {
  /** Other allowed variables. */
  readonly variables: readonly string[];
  /** The absolute folder of secret files; null when files are not allowed. */
  readonly folder: string | null;
}

export interface SecretRefusal {
  readonly detail: string;
  readonly expected: string;
}

/** Why a lifecycle may not refer to this secret, or null. Does not reveal whether it exists. */
export function secretRefusal(ref: SecretRef, access: SecretAccess): SecretRefusal | null {
  return 'file' in ref ? fileRefusal(ref.file, access) : variableRefusal(ref.env, access);
}

/** Settings and credentials of the platform, which lifecycles and providers must never read. */
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
        ? 'a variable, because PERENNIAL_SECRET_DIR is not set'
        : `a file below ${folder}`,
  };
}
