import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { openDeathWatch, type DeathWatch } from '../../infra/death-watch';
import { findPostgres } from '../../infra/embedded/binaries';
import { startPostgres, type EmbeddedPostgres } from '../../infra/embedded/postgres';
import { freePort } from '../../infra/ports';
import { processIdentity } from '../../data/process-identity';

const home = findPostgres({
  environment: process.env,
  cacheDir: resolve(__dirname, '..', '..', '.perennial', 'bin'),
});
const isRoot = process.getuid?.() === 0;
if (!isRoot)
  console.warn(
    'PostgreSQL as another user is not tried: these tests do not run as root, and then it runs as who they run as',
  );

let folder: string;
let guard: DeathWatch;
let running: EmbeddedPostgres | null;

/** `mktemp -d` makes folders that nobody else may pass through. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-private-'));
  guard = openDeathWatch();
  running = null;
});
afterEach(async () => {
  await running?.stop();
  await guard.close();
  rmSync(folder, { recursive: true, force: true });
});

interface StartOptions {
  readonly programs?: string;
  readonly durability?: 'on' | 'off';
}

async function start({
  programs = home,
  durability = 'off',
}: StartOptions = {}): Promise<EmbeddedPostgres> {
  const options = {
    home: programs,
    stateDir: join(folder, 'state'),
    logFile: join(folder, 'log', 'postgres.log'),
    port: await freePort(),
  };
  running = await startPostgres({
    ...options,
    user: 'perennial',
    password: "a'b\\c d",
    database: 'perennial',
    durability,
    guard,
  });
  return running;
}

async function ask(server: EmbeddedPostgres, statement: string): Promise<unknown> {
  const client = new Client({ connectionString: server.url('perennial') });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

test('keeps its data in a private folder, even when root starts it', async () => {
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  const first = await start();
  await ask(first, 'CREATE TABLE kept AS SELECT 1 AS one');
  await first.stop();
  expect(await ask(await start(), 'SELECT * FROM kept')).toEqual([{ one: 1 }]);
});

(isRoot ? test : test.skip)(
  'as root, with its programs in such a folder too, leaves nothing outside',
  async () => {
    const programs = join(folder, 'native');
    cpSync(home, programs, { recursive: true, verbatimSymlinks: true });
    const copies = (): string[] =>
      readdirSync(tmpdir()).filter((name) => name.startsWith(`perennial-postgres-${process.pid}-`));
    // The server that all platform tests share may also run from this process, from a clone in
    // such a folder.
    const others = copies();
    const server = await start({ programs });
    expect(await ask(server, 'SELECT count(*) > 100 AS zones FROM pg_timezone_names')).toEqual([
      { zones: true },
    ]);
    expect(copies()).toHaveLength(others.length + 1);
    await server.stop();
    expect(copies()).toEqual(others);
  },
);

test('recovers after SIGKILL when its pid file names another program', async () => {
  const first = await start({ durability: 'on' });
  await ask(first, 'CREATE TABLE kept AS SELECT 1 AS one');
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  const pidFile = join(folder, 'state', 'data', 'postmaster.pid');
  writeFileSync(pidFile, readFileSync(pidFile, 'utf8').replace(/^\d+/, String(process.pid)));
  expect(await ask(await start(), 'SELECT * FROM kept')).toEqual([{ one: 1 }]);
});

test('recovers after SIGKILL when its old process is a zombie', async () => {
  const first = await start({ durability: 'on' });
  await ask(first, 'CREATE TABLE kept AS SELECT 1 AS one');
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  const ended = await unreaped('postgres');
  const pidFile = join(folder, 'state', 'data', 'postmaster.pid');
  writeFileSync(pidFile, readFileSync(pidFile, 'utf8').replace(/^\d+/, String(ended.pid)));
  try {
    expect(await ask(await start(), 'SELECT * FROM kept')).toEqual([{ one: 1 }]);
  } finally {
    ended.forget();
  }
});

/** Makes a zombie with this name, of PostgreSQL's user, by a parent that never waits for it. */
async function unreaped(name: string): Promise<{ readonly pid: number; forget(): void }> {
  const program = join(folder, name);
  symlinkSync('/bin/true', program);
  chmodSync(folder, 0o755);
  const parent = spawn('/bin/sh', ['-c', '"$0" & echo $!; exec sleep 60', program], {
    stdio: ['ignore', 'pipe', 'ignore'],
    ...(isRoot ? { uid: 65_534, gid: 65_534 } : {}),
  });
  const [said] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(said.toString());
  while (processIdentity(pid) !== null) await new Promise((resolve) => setTimeout(resolve, 10));
  return { pid, forget: () => parent.kill('SIGKILL') };
}

test('starts over after an interrupted first start', async () => {
  mkdirSync(join(folder, 'state', 'data.new', 'base'), { recursive: true });
  writeFileSync(join(folder, 'state', 'data.new', 'PG_VERSION'), '18\n');
  expect(await ask(await start(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  expect(existsSync(join(folder, 'state', 'data.new'))).toBe(false);
});

describe('a damaged data folder', () => {
  const at = (...path: readonly string[]) => join(folder, 'state', 'data', ...path);
  const empty = (path: string) => rmSync(at(path), { recursive: true });
  test.each([
    ['without its write-ahead log', () => empty('pg_wal'), /: pg_wal is missing or empty$/],
    [
      'with an empty write-ahead log',
      () => readdirSync(at('pg_wal')).forEach((name) => empty(`pg_wal/${name}`)),
      /pg_wal contains no write-ahead log$/,
    ],
    ['without its version', () => empty('PG_VERSION'), /: PG_VERSION is missing or empty$/],
    [
      'with another text as its version',
      () => writeFileSync(at('PG_VERSION'), 'damaged'),
      /PG_VERSION does not contain a version$/,
    ],
    [
      'with half of its databases',
      () =>
        readdirSync(at('base'))
          .slice(2)
          .forEach((name) => empty(`base/${name}`)),
      /base contains 2 of at least 4 databases$/,
    ],
    [
      'with half a database',
      () => empty(`base/${readdirSync(at('base')).at(-1) ?? ''}/PG_VERSION`),
      /: base\/\d+ lacks files$/,
    ],
    [
      'that was copied without empty folders',
      () => empty('pg_notify'),
      /: pg_notify is missing or empty$/,
    ],
  ])(
    '%s is refused with its name, what is wrong in it, and the way out',
    async (_, damage, message) => {
      await (await start()).stop();
      damage();
      await expect(start()).rejects.toMatchObject({
        type: 'PlatformUnavailable',
        message: expect.stringMatching(
          new RegExp(`^the data folder of PostgreSQL is damaged: ${at()}: `),
        ) as string,
        next: expect.stringMatching(/^Restore .* from a backup .*--fresh/) as string,
      });
      await expect(start()).rejects.toThrow(message);
    },
  );

  test('whose log was overwritten is refused with the folder above it', async () => {
    await (await start()).stop();
    for (const name of readdirSync(at('pg_wal')).filter((file) => /^[0-9A-F]{24}$/.test(file)))
      writeFileSync(at('pg_wal', name), 'x'.repeat(8192));
    await expect(start()).rejects.toMatchObject({
      message: expect.stringContaining('files of its data folder are missing or damaged') as string,
      next: expect.stringContaining(`Restore ${folder}/state from a backup`) as string,
    });
  });
});
