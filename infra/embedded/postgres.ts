import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { failure } from '../../domain/failure';
import type { ProcessGuard } from '../death-watch';
import { rotateLog } from '../log-file';
import { processIdentity } from '../../data/process-identity';
import { describeSpawnError, explainEnd, type ProcessEnd } from './explain';
import { assertClusterIntact } from './postgres-damage';
import { openPostgresAccount, type PostgresAccount } from './postgres-account';
import { serverEnvironment, startServer, type RunningServer } from './server-process';

export interface PostgresOptions {
  /** The folder with `bin/postgres` and `bin/initdb`. */
  readonly home: string;
  /** Created with the cluster. */
  readonly database: string;
  /** Contains the cluster in `data/`; created when missing. */
  readonly stateDir: string;
  readonly logFile: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** `off` only for tests: a power failure may then lose committed data. */
  readonly durability: 'on' | 'off';
  readonly guard: ProcessGuard;
  readonly signal?: AbortSignal | undefined;
}

export interface EmbeddedPostgres extends RunningServer {
  /** URL of the database `name`, with credentials. */
  url(name: string): string;
}

/** PostgreSQL on loopback with passwords (SCRAM). The server recovers a crashed cluster itself. */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const account = openPostgresAccount(options.home);
  try {
    const server = await startCluster(account, options);
    void server.exited.then(() => account.close());
    const login = `${encodeURIComponent(options.user)}:${encodeURIComponent(options.password)}`;
    return { ...server, url: (name) => `postgres://${login}@127.0.0.1:${options.port}/${name}` };
  } catch (error) {
    account.close();
    throw error;
  }
}

async function startCluster(
  account: PostgresAccount,
  options: PostgresOptions,
): Promise<RunningServer> {
  const dataDir = join(options.stateDir, 'data');
  mkdirSync(options.stateDir, { recursive: true, mode: 0o700 });
  if (existsSync(dataDir)) {
    assertClusterIntact(dataDir);
    removeStalePidFile(dataDir);
  }
  if (!existsSync(dataDir)) await initialise(account, dataDir, options);
  const folder = account.reach({ cluster: dataDir });
  try {
    return await startServer({
      name: 'PostgreSQL',
      command: join(account.home, 'bin', 'postgres'),
      args: [
        '-D',
        folder.paths.cluster,
        '-p',
        String(options.port),
        ...settings(options).flatMap((setting) => ['-c', setting]),
      ],
      env: serverEnvironment(),
      cwd: '/',
      ...account.identity,
      descriptors: folder.descriptors,
      logFile: options.logFile,
      ready: (pid) => Promise.resolve(saysReady(dataDir, pid)),
      readySeconds: 120, // recovery after a crash replays the log first
      stopSignal: 'SIGINT',
      stopSeconds: 20,
      guard: options.guard,
      signal: options.signal,
    });
  } finally {
    folder.close();
  }
}

function settings(options: PostgresOptions): string[] {
  return [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    'shared_buffers=64MB',
    'timezone=UTC',
    'log_timezone=UTC',
    ...(options.durability === 'on'
      ? []
      : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']),
  ];
}

/**
 * After SIGKILL the file names a process that has ended, is a zombie, or has a reused pid (common
 * in containers). PostgreSQL would refuse to start. Its shared memory segment still prevents a
 * second server on the same data.
 */
function removeStalePidFile(dataDir: string): void {
  const file = join(dataDir, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
  if (!isPostgres(pid)) rmSync(file, { force: true });
}

function isPostgres(pid: number): boolean {
  if (processIdentity(pid) === null) return false;
  const result = spawnSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' });
  if (result.error === undefined) return result.stdout.includes('postgres');
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').includes('postgres');
  } catch {
    return false;
  }
}

/**
 * The eighth line of postmaster.pid is the server's state for pg_ctl. A stale file has another pid
 * in its first line.
 */
function saysReady(dataDir: string, pid: number): boolean {
  try {
    const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
    return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}

/** The cluster is renamed when it is complete, so an interrupted start begins again. */
async function initialise(
  account: PostgresAccount,
  dataDir: string,
  options: PostgresOptions,
): Promise<void> {
  const unfinished = `${dataDir}.new`;
  const passwordFile = `${dataDir}.password`;
  rmSync(unfinished, { recursive: true, force: true });
  rmSync(passwordFile, { force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  writeFileSync(passwordFile, `${options.password}\n`, { mode: 0o600 });
  account.own([unfinished, passwordFile]);
  const folder = account.reach({ cluster: unfinished, password: passwordFile });
  try {
    const { cluster, password } = folder.paths;
    const args = [
      '-D',
      cluster,
      '-U',
      options.user,
      `--pwfile=${password}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
    ];
    if (options.durability === 'off') args.push('--no-sync');
    const run = { account, descriptors: folder.descriptors, options };
    await runOnce('initdb', args, '', run);
    await runOnce(
      'postgres',
      ['--single', '-D', cluster, 'postgres'],
      `CREATE DATABASE ${options.database};\n`,
      run,
    );
  } finally {
    folder.close();
    rmSync(passwordFile, { force: true });
  }
  renameSync(unfinished, dataDir);
}

interface SingleRun {
  readonly account: PostgresAccount;
  readonly descriptors: readonly number[];
  readonly options: PostgresOptions;
}

async function runOnce(
  program: string,
  args: readonly string[],
  input: string,
  { account, descriptors, options }: SingleRun,
): Promise<void> {
  const command = join(account.home, 'bin', program);
  const log = rotateLog(options.logFile);
  const spawnOptions = { ...account.identity, cwd: '/', env: serverEnvironment(), detached: true };
  const child = spawn(command, args, {
    ...spawnOptions,
    stdio: ['pipe', log, log, ...descriptors],
  });
  closeSync(log);
  const end = await new Promise<ProcessEnd>((resolve, reject) => {
    child.once('error', (error) => reject(describeSpawnError('PostgreSQL', command, error)));
    child.once('spawn', () => options.guard.add(child.pid ?? 0, 'SIGTERM', program));
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.stdin?.once('error', () => undefined).end(input);
  });
  options.guard.drop(child.pid ?? 0);
  if (end.code === 0) return;
  const { reason, next } = explainEnd(end, options.logFile);
  throw failure('PlatformUnavailable', `PostgreSQL could not create its data folder: ${reason}`, {
    next,
  });
}
