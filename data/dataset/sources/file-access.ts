/**
 * Files of this machine that a lifecycle may read. The secrets of the platform are always refused,
 * whatever the roots are.
 */
import { realpath, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';

export interface FileAccess {
  /** Absolute folders. A segment `*` matches any one folder name. */
  readonly roots: readonly string[];
  /** Absolute paths that are never read: the state folder and files with credentials. */
  readonly denied: readonly string[];
}

export interface FileRefusal {
  readonly detail: string;
  readonly next: string;
}

/**
 * Why a file must not be read, or null. `path` must come from `realpath`, so that links are
 * resolved. Names with a leading dot are refused below every root, but allowed in the root itself.
 */
export async function fileRefusal(
  path: string,
  { roots, denied }: FileAccess,
): Promise<FileRefusal | null> {
  if (/[/\\]\.git([/\\]|$)/i.test(path) || (await isDenied(path, denied))) {
    return {
      detail: "the file belongs to the platform's own state, which sources must not read",
      next: 'use a table of your own',
    };
  }
  const ways = (await Promise.all(roots.map((root) => wayBelowRoot(path, root)))).filter(
    (way) => way !== null,
  );
  if (ways.some((way) => !way.some((name) => name.startsWith('.')))) return null;
  if (ways.length > 0) {
    return {
      detail: 'the file, or a folder on its path, has a name that begins with a dot',
      next: 'copy the table to a folder whose path has no such name',
    };
  }
  return {
    detail: 'the file is outside of the folders that sources may read',
    next: `move it below ${roots.join(' or ')}, or add its folder to PERENNIAL_INGEST_ROOTS`,
  };
}

/**
 * Like `fileRefusal` for a file:// URI whose file need not exist. Null for a URI that is not a path
 * on this machine; reading it gives the error.
 */
export async function uriRefusal(uri: string, access: FileAccess): Promise<FileRefusal | null> {
  let path: string;
  try {
    path = fileURLToPath(uri);
  } catch {
    return null;
  }
  return fileRefusal(await realOrGiven(path), access);
}

/**
 * Compares device and inode as well as the path, because case-insensitive file systems and bind
 * mounts give one folder several paths.
 */
async function isDenied(path: string, denied: readonly string[]): Promise<boolean> {
  const closed = await Promise.all(
    denied.map(async (each) => ({
      path: await realOrGiven(each),
      identity: await readIdentity(each),
    })),
  );
  if (closed.some((each) => path === each.path || isInsideFolder(path, each.path))) return true;
  const identities = new Set(
    closed.flatMap(({ identity }) => (identity === null ? [] : [identity])),
  );
  for (let at = path; ; at = dirname(at)) {
    const identity = await readIdentity(at);
    if (identity !== null && identities.has(identity)) return true;
    if (dirname(at) === at) return false;
  }
}

async function readIdentity(path: string): Promise<string | null> {
  const found = await stat(path, { bigint: true }).catch(() => null);
  return found === null ? null : `${found.dev}:${found.ino}`;
}

/** The names from the root to the file; null when the file is not below the root. */
async function wayBelowRoot(path: string, root: string): Promise<readonly string[] | null> {
  const names = root.split(sep);
  const star = names.indexOf('*');
  const base = await realOrGiven(star === -1 ? root : names.slice(0, star).join(sep) || sep);
  if (!isInsideFolder(path, base)) return null;
  const way = relative(base, path).split(sep);
  if (star === -1) return way;
  const pattern = names.slice(star).filter((name) => name !== '');
  // The file must be below the last folder of the pattern. Packages are programs, not tables.
  const matches = pattern.every((name, index) =>
    name === '*' ? way[index] !== 'node_modules' : name === way[index],
  );
  return matches && way.length > pattern.length ? way : null;
}

/** The real path. For a missing file, the real path of its folder. */
async function realOrGiven(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : join(await realOrGiven(folder), basename(path));
  }
}

export function isInsideFolder(path: string, root: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
