import { execFileSync } from 'node:child_process';
import {
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  readFileSync,
  realpathSync,
  rmSync,
  chmodSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { failure } from '../../domain/failure';
import { processIdentity } from '../../data/process-identity';

/** Paths that the server's account can open, with the descriptors that it inherits for them. */
export interface ServerPaths<Name extends string> {
  readonly paths: Readonly<Record<Name, string>>;
  readonly descriptors: readonly number[];
  close(): void;
}

/** The account that runs PostgreSQL, and how it accesses the files. */
export interface PostgresAccount {
  readonly identity: { readonly uid: number; readonly gid: number } | Record<string, never>;
  /** The program folder, where that account can execute it. */
  readonly home: string;
  readonly own: (paths: readonly string[]) => void;
  readonly reach: <Name extends string>(paths: Readonly<Record<Name, string>>) => ServerPaths<Name>;
  readonly close: () => void;
}

const copyPrefix = 'perennial-postgres-';
const nobody = { uid: 65534, gid: 65534 } as const;

/**
 * PostgreSQL refuses to run as root, so root starts it as `nobody`, which may have no access to a
 * project in a private folder (`mktemp -d`, `/root`). Instead of opening the user's folders, the
 * server inherits its data folder as an open descriptor, /proc/self/fd/3. Only the programs are
 * copied, and only if needed.
 */
export function openPostgresAccount(home: string): PostgresAccount {
  restoreLinks(home);
  if (process.getuid?.() !== 0) {
    return {
      identity: {},
      home,
      own: () => undefined,
      reach: (paths) => ({ paths, descriptors: [], close: () => undefined }),
      close: () => undefined,
    };
  }
  const programs = programsFor(home);
  return {
    identity: nobody,
    home: programs.home,
    own: (paths) => paths.forEach((path) => chownSync(path, nobody.uid, nobody.gid)),
    reach: process.platform === 'linux' ? reachByDescriptor : reachByPath,
    close: programs.close,
  };
}

function reachByDescriptor<Name extends string>(
  paths: Readonly<Record<Name, string>>,
): ServerPaths<Name> {
  const names = Object.keys(paths) as Name[];
  const descriptors = names.map((name) => openSync(paths[name], 'r'));
  return {
    paths: Object.fromEntries(
      names.map((name, index) => [name, `/proc/self/fd/${index + 3}`]),
    ) as Record<Name, string>,
    descriptors,
    close: () => descriptors.forEach((descriptor) => closeSync(descriptor)),
  };
}

function reachByPath<Name extends string>(
  paths: Readonly<Record<Name, string>>,
): ServerPaths<Name> {
  const closed = Object.values<string>(paths).find((path) => !canPass(dirname(realpathSync(path))));
  if (closed !== undefined) {
    throw failure(
      'PlatformUnavailable',
      `PostgreSQL could not be started: it does not run as root, and other users have no access to ${dirname(closed)}`,
      {
        next: 'Start Perennial as an ordinary user, or set PERENNIAL_STATE_DIR to a folder that others can access',
      },
    );
  }
  return { paths, descriptors: [], close: () => undefined };
}

function programsFor(home: string): { readonly home: string; readonly close: () => void } {
  if (runsAsNobody(home)) return { home, close: () => undefined };
  for (const place of new Set([tmpdir(), '/tmp', '/var/tmp', '/dev/shm'])) {
    if (!existsSync(place) || !canPass(realpathSync(place))) continue;
    removeLeftCopies(place);
    const copy = mkdtempSync(join(place, `${copyPrefix}${process.pid}-`));
    const close = (): void => rmSync(copy, { recursive: true, force: true });
    try {
      chmodSync(copy, 0o755);
      duplicate(home, copy);
      if (runsAsNobody(copy)) return { home: copy, close };
    } catch (error) {
      close();
      throw failure(
        'PlatformUnavailable',
        `PostgreSQL could not be copied to ${place}: ${(error as Error).message}`,
        { cause: error },
      );
    }
    close(); // for example, mounted noexec
  }
  throw failure(
    'PlatformUnavailable',
    'PostgreSQL could not be started: it does not run as root, and no folder was found where another user can execute it',
    {
      next: 'Start Perennial as an ordinary user, or set PERENNIAL_DATABASE_URL to a database',
    },
  );
}

/** Makes hard links if possible, which saves 60 MB and a second, otherwise copies. */
function duplicate(from: string, to: string): void {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      mkdirSync(target, { mode: 0o755 });
      duplicate(source, target);
    } else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else linkOrCopy(source, target);
  }
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target); // another file system, or one without hard links
  }
}

/** Removes copies of processes that were killed. */
function removeLeftCopies(place: string): void {
  for (const name of readdirSync(place)) {
    const owner = name.startsWith(copyPrefix)
      ? Number.parseInt(name.slice(copyPrefix.length), 10)
      : Number.NaN;
    if (Number.isInteger(owner) && processIdentity(owner) === null)
      rmSync(join(place, name), { recursive: true, force: true });
  }
}

function runsAsNobody(home: string): boolean {
  const program = join(home, 'bin', 'postgres');
  if (!canPass(realpathSync(dirname(program)))) return false;
  try {
    execFileSync(program, ['--version'], { ...nobody, cwd: '/', stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Whether all users can access the folder and its parents. */
function canPass(folder: string): boolean {
  if ((statSync(folder).mode & 0o001) === 0) return false;
  const parent = dirname(folder);
  return parent === folder || canPass(parent);
}

/**
 * npm packages have no symbolic links. This package lists them for its install script, which does
 * not run here. Execute bits may be missing too.
 */
function restoreLinks(home: string): void {
  for (const program of ['postgres', 'initdb']) {
    const path = join(home, 'bin', program);
    if (existsSync(path) && (statSync(path).mode & 0o111) !== 0o111) chmodSync(path, 0o755);
  }
  const list = join(home, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as {
    readonly source: string;
    readonly target: string;
  }[];
  for (const { source, target } of links) {
    const link = join(home, '..', target);
    if (existsSync(link)) continue;
    rmSync(link, { force: true });
    symlinkSync(basename(source), link);
  }
}
