import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { Client as Database } from 'pg';
import { processIdentity } from '../../data/process-identity';
import { openOwnersDatabase } from '../support/process/worker-process';
import { end, pause, startLocalProduct, type LocalProduct } from '../support/process/product';

jest.setTimeout(180_000);

let folder: string;
let stateDir: string;
let product: LocalProduct;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-up-'));
  stateDir = join(folder, 'state');
  product = await startLocalProduct({ stateDir });
});
afterAll(async () => {
  await product.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function startAgain(...args: string[]): Promise<void> {
  await product.stop();
  rmSync(join(stateDir, 'run', 'client.json'), { force: true }); // left by SIGKILL; the helper would read it as the new one
  product = await startLocalProduct({ stateDir, args });
}

const pidsNow = (): number[] => product.pids('');

async function gone(pids: readonly number[], seconds: number): Promise<readonly number[]> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const left = pids.filter((pid) => processIdentity(pid) !== null);
    if (left.length === 0 || Date.now() > deadline) return left;
    await pause(50);
  }
}

test('one process tree has three servers, three platform processes and one watch', () => {
  const commands = pidsNow().map((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '),
  );
  for (const part of [
    'bin/postgres -D',
    'weed',
    'temporal server',
    'main.ts worker',
    'main.ts api',
    'main.ts gateway',
    'death-watch.sh',
  ]) {
    expect(commands.filter((command) => command.includes(part))).not.toHaveLength(0);
  }
});

test('only this user can read secrets and keys', () => {
  for (const file of ['secrets.json', 'run/client.json', 'run/keys.json'])
    expect(statSync(join(stateDir, file)).mode & 0o777).toBe(0o600);
});

/** The roles with which the platform's processes are connected, by the name of the process. */
async function sessionRoles(): Promise<ReadonlyMap<string, string>> {
  const database = openOwnersDatabase(product);
  const rows = await database.sql<{ name: string; role: string }[]>`
    select distinct application_name as name, usename as role from pg_stat_activity
    where application_name in ('perennial-api', 'perennial-worker', 'perennial-gateway')`;
  await database.close();
  return new Map(rows.map(({ name, role }) => [name, role]));
}
const allAsApplication = ['api', 'gateway', 'worker'].map((name) => [
  `perennial-${name}`,
  'perennial_app',
]);

test('its processes connect to PostgreSQL as a role that owns nothing, also after an upgrade', async () => {
  expect([...(await sessionRoles())].sort()).toEqual(allAsApplication);
  const owner = openOwnersDatabase(product);
  const secretsFile = join(stateDir, 'secrets.json');
  const { databaseAppPassword: _, ...older } = JSON.parse(
    readFileSync(secretsFile, 'utf8'),
  ) as Record<string, string>;
  // As a version with one role left it.
  await owner.sql.unsafe('alter role perennial_app rename to earlier');
  await owner.close();
  await product.stop();
  writeFileSync(secretsFile, JSON.stringify(older), { mode: 0o600 });
  await startAgain();
  expect([...(await sessionRoles())].sort()).toEqual(allAsApplication);
});

test('all its ports are on loopback', () => {
  const ours = new Set(pidsNow().flatMap(listSockets));
  const listening = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
    existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(1) : [],
  );
  const addresses = listening
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && ours.has(inode ?? ''))
    .map(([, local]) => local?.split(':')[0]);
  expect(addresses.length).toBeGreaterThan(8);
  // 127.0.0.0/8, the last byte first.
  expect(addresses.filter((address) => !address?.endsWith('7F'))).toEqual([]);
});

test('the S3 store’s inner port answers only clients with its certificate', async () => {
  const { filer } = JSON.parse(readFileSync(join(stateDir, 'run', 'ports.json'), 'utf8')) as {
    readonly filer: number;
  };
  // Plain HTTP at a TLS port.
  expect((await fetch(`http://127.0.0.1:${filer}/buckets/perennial/`)).status).toBe(400);
  await expect(
    fetch(`https://127.0.0.1:${filer}/buckets/perennial/x`, { method: 'PUT', body: 'x' }),
  ).rejects.toThrow();
});

test('a second start on the same state folder is refused with the running process', async () => {
  for (const args of [['up'], ['up', '--fresh']]) {
    const second = await product.cli(args);
    expect(second.exitCode).toBe(1);
    expect(second.stderr).toContain(
      `Perennial already runs on ${stateDir} (process ${product.supervisor.pid})`,
    );
  }
  expect((await product.call('GET', '/runs')).status).toBe(200);
});

test('a backend with a configured address is prepared but not started', async () => {
  const read = (file: string): Record<string, string> =>
    JSON.parse(readFileSync(join(stateDir, file), 'utf8')) as Record<string, string>;
  const [secrets, ports] = [read('secrets.json'), read('run/ports.json')];
  const server = `postgres://perennial:${secrets['databasePassword']}@127.0.0.1:${ports['postgres']}`;
  const database = new Database({ connectionString: `${server}/postgres` });
  await database.connect();
  await database.query('CREATE DATABASE elsewhere');
  await database.end();

  const other = await startLocalProduct({
    env: {
      PERENNIAL_DATABASE_URL: `${server}/elsewhere`,
      PERENNIAL_TEMPORAL_ADDRESS: `127.0.0.1:${ports['temporal']}`,
      PERENNIAL_TEMPORAL_NAMESPACE: 'elsewhere',
      PERENNIAL_S3_ENDPOINT: `http://127.0.0.1:${ports['s3']}`,
      PERENNIAL_S3_BUCKET: 'elsewhere',
      AWS_ACCESS_KEY_ID: secrets['s3AccessKeyId'] ?? '',
      AWS_SECRET_ACCESS_KEY: secrets['s3SecretAccessKey'] ?? '',
    },
  });
  try {
    const commands = other
      .pids('')
      .map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
    expect(commands.filter((command) => /postgres|weed|temporal server/.test(command))).toEqual([]);
    expect(commands.filter((command) => command.includes('main.ts'))).toHaveLength(3);
    expect(other.log()).toContain('127.0.0.1');
    expect(other.log().match(/configured, not started here/g)).toHaveLength(3);
    expect(other.log()).not.toContain(secrets['databasePassword']);
    const connection = await Connection.connect({ address: `127.0.0.1:${ports['temporal']}` });
    const { config } = await connection.workflowService.describeNamespace({
      namespace: 'elsewhere',
    });
    expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 86_400);
    await connection.close();
    expect((await other.call('GET', '/runs')).status).toBe(200);
  } finally {
    await other.stop();
  }
});

test('a killed process is restarted', async () => {
  for (const part of [
    'bin/postgres -D',
    'temporal server',
    'weed',
    'main.ts gateway',
    'main.ts api',
    'main.ts worker',
  ]) {
    const [pid = 0] = product.pids(part);
    process.kill(pid, 'SIGKILL');
    await gone([pid], 5);
  }
  const back = (): boolean => (product.log().match(/ is running again after /g) ?? []).length >= 6;
  for (const deadline = Date.now() + 60_000; !back() && Date.now() < deadline;) await pause(100);
  expect(product.log()).toContain('PostgreSQL ended: it was ended by SIGKILL');
  expect(back()).toBe(true);
  expect((await product.call('GET', '/runs')).status).toBe(200);
});

test('continues when its output is no longer read', async () => {
  product.supervisor.stderr?.destroy();
  const [before = 0] = product.kill('main.ts gateway');
  const back = (): boolean => product.pids('main.ts gateway').some((pid) => pid !== before);
  for (const deadline = Date.now() + 30_000; !back() && Date.now() < deadline;) await pause(100);
  expect(back()).toBe(true);
  expect(product.supervisor.exitCode).toBeNull();
  expect((await product.call('GET', '/runs')).status).toBe(200);
});

test('SIGKILL of the supervisor leaves no process, and the next start has all data', async () => {
  const { apiKey } = product;
  const pids = pidsNow();
  expect(pids.length).toBeGreaterThanOrEqual(7);
  product.supervisor.kill('SIGKILL');
  expect(await gone(pids, 12)).toEqual([]);
  expect(existsSync(join(stateDir, 'run', 'client.json'))).toBe(true);

  await startAgain();
  expect(product.apiKey).toBe(apiKey);
});

test('after SIGKILL of all processes at once, the next start cleans up', async () => {
  const watch = product.pids('death-watch.sh');
  const servers = product.pids('temporal server');
  for (const pid of [...watch, product.supervisor.pid ?? 0]) process.kill(pid, 'SIGKILL');
  await pause(300);
  // no watch was left to end them
  expect(servers.filter((pid) => processIdentity(pid) === null)).toEqual([]);

  await startAgain();
  expect(product.log()).toMatch(/Ended processes of an earlier start: .*The Temporal server/);
  expect(await gone(servers, 1)).toEqual([]);
});

test('SIGTERM ends all processes in order, and --fresh starts over', async () => {
  const apiKey = product.apiKey;
  const pids = pidsNow();
  await end(product.supervisor);
  expect(product.supervisor.exitCode).toBe(0);
  expect(await gone(pids, 1)).toEqual([]);
  expect(existsSync(join(stateDir, 'run', 'client.json'))).toBe(false);
  expect(product.log()).not.toMatch(/is gone/);

  await startAgain('--fresh');
  expect(product.apiKey).not.toBe(apiKey);
  expect(readdirSync(join(stateDir, 'state')).sort()).toEqual(
    expect.arrayContaining(['postgres', 's3', 'temporal']),
  );
});

function listSockets(pid: number): string[] {
  const folderOf = `/proc/${pid}/fd`;
  return existsSync(folderOf)
    ? readdirSync(folderOf).flatMap((descriptor) => socketAt(join(folderOf, descriptor)))
    : [];
}

function socketAt(path: string): string[] {
  try {
    return [/^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1]].filter(
      (inode) => inode !== undefined,
    );
  } catch {
    return []; // closed in the meantime
  }
}
