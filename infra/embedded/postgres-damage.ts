import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { failure } from '../../domain/failure';

/** Folders that PostgreSQL 18 does not recreate. A copy without empty folders may lack some. */
const folders = [
  ...[
    'base',
    'base/1',
    'global',
    'pg_commit_ts',
    'pg_dynshmem',
    'pg_logical',
    'pg_multixact',
    'pg_notify',
    'pg_replslot',
    'pg_serial',
  ],
  ...[
    'pg_snapshots',
    'pg_stat',
    'pg_stat_tmp',
    'pg_subtrans',
    'pg_tblspc',
    'pg_twophase',
    'pg_wal',
    'pg_xact',
  ],
];
const files = ['PG_VERSION', 'global/pg_control', 'global/pg_filenode.map'];

/**
 * Checks the files that a cluster needs before the server starts, because the server's own errors
 * name neither folder nor remedy.
 * @throws PlatformUnavailable with the folder, the damage and the next step
 */
export function assertClusterIntact(dataDir: string): void {
  const damage = findDamage(dataDir);
  if (damage === null) return;
  throw failure(
    'PlatformUnavailable',
    `the data folder of PostgreSQL is damaged: ${dataDir}: ${damage}`,
    {
      next: `Restore ${dataDir} from a backup together with the S3 store beside it, or start over with \`npx perennial up --fresh\`, which removes all runs, models and data`,
    },
  );
}

function findDamage(dataDir: string): string | null {
  const lost = [
    ...folders.filter(
      (path) => statSync(join(dataDir, path), { throwIfNoEntry: false })?.isDirectory() !== true,
    ),
    ...files.filter(
      (path) => (statSync(join(dataDir, path), { throwIfNoEntry: false })?.size ?? 0) === 0,
    ),
  ];
  if (lost.length > 0)
    return `${lost.join(', ')} ${lost.length === 1 ? 'is' : 'are'} missing or empty`;
  if (!/^\d+\s*$/.test(readFileSync(join(dataDir, 'PG_VERSION'), 'utf8')))
    return 'PG_VERSION does not contain a version';
  if (!readdirSync(join(dataDir, 'pg_wal')).some((name) => /^[0-9A-F]{24}$/.test(name)))
    return 'pg_wal contains no write-ahead log';
  const databases = readdirSync(join(dataDir, 'base')).filter((name) => /^\d+$/.test(name));
  const halves = databases.filter((name) =>
    ['PG_VERSION', 'pg_filenode.map'].some((file) => !isThere(join(dataDir, 'base', name, file))),
  );
  if (halves.length > 0)
    return `${halves.map((name) => `base/${name}`).join(', ')} ${halves.length === 1 ? 'lacks' : 'lack'} files`;
  // template0, template1, postgres and Perennial's database.
  if (databases.length < 4) return `base contains ${databases.length} of at least 4 databases`;
  return null;
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
