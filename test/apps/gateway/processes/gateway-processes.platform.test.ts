import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GatewayProcess } from '../../../support/process/gateway-process';
import { migratedDatabase, testBucket } from '../../../support/platform';
import { distanceModel, distanceRequest } from '../../../support/serving/served-models';
import { openServingWorld, type ServingWorld } from '../../../support/serving/serving-world';

let folder: string;
let database: Awaited<ReturnType<typeof migratedDatabase>>;
let world: ServingWorld;
let gateway: GatewayProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-processes-'));
  database = await migratedDatabase();
  world = await openServingWorld(database.url, testBucket());
  await world.promote(await world.register(distanceModel(1)));
  gateway = await world.startGateway(folder, { PERENNIAL_GATEWAY_PROCESSES: '2' });
});
afterAll(async () => {
  await gateway.stop();
  await world.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const ask = (path: string, body: unknown, key: string, url = gateway.url) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${key}`,
      // A new connection for each request, which reaches the processes in turn.
      connection: 'close',
    },
    body: JSON.stringify(body),
  });
const infer = () =>
  ask(
    '/v2/models/flight-delay/infer',
    distanceRequest([{ carrier: 'AA', distance: 0 }]),
    world.keys.viewer,
  );

async function until<T>(read: () => Promise<T>, isEnough: (value: T) => boolean): Promise<T> {
  for (const end = Date.now() + 60_000; ;) {
    const value = await read();
    if (isEnough(value) || Date.now() > end) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const live = () => world.registry.gateways.live();
const metrics = async () =>
  (await fetch(`${gateway.url}/metrics`, { signal: AbortSignal.timeout(60_000) })).text();
const readRequests = (text: string, number: number) =>
  Number(
    new RegExp(
      `^perennial_gateway_requests_total\\{.*status="200".*process="${number}"\\} (\\d+)$`,
      'm',
    ).exec(text)?.[1] ?? 0,
  );
const children = () =>
  execFileSync('ps', ['-o', 'pid=', '--ppid', String(gateway.pid)], { encoding: 'utf8' })
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 0);

test('each process has its own lease and address, answers at the shared one, and can be scraped there', async () => {
  const leases = await until(live, ({ length }) => length === 2);
  expect(new Set(leases.map(({ url }) => url)).size).toBe(2);
  for (const { url } of leases) {
    expect(url).not.toBe(gateway.url);
    const probed = await ask(
      '/internal/probe',
      { model: 'flight-delay', version: 1 },
      world.keys.operator,
      url,
    );
    expect(probed.status).toBe(200);
  }
  for (let request = 0; request < 20; request += 1) expect((await infer()).status).toBe(200);
  const text = await metrics();
  expect(readRequests(text, 1) + readRequests(text, 2)).toBe(20);
  expect(readRequests(text, 1)).toBeGreaterThan(0);
  expect(readRequests(text, 2)).toBeGreaterThan(0);
  expect(text).toContain('\nperennial_gateway_processes 2\n');
  expect(text.match(/^# HELP perennial_gateway_requests_total /gm)).toHaveLength(1);
});

test('a killed process is replaced while the address keeps answering', async () => {
  const before = (await until(live, ({ length }) => length === 2)).map(({ id }) => id);
  const [killed = 0] = children();
  process.kill(killed, 'SIGKILL');
  // Until the supervisor knows, it may pass a connection to the killed process.
  await until(
    () => metrics().catch(() => ''),
    (read) => read.includes('\nperennial_gateway_process_restarts_total 1\n'),
  );
  const answers: number[] = [];
  let isOver = false;
  const traffic = (async () => {
    while (!isOver) answers.push((await infer()).status);
  })();
  try {
    const text = await until(
      () => metrics().catch(() => ''),
      (read) => read.includes('\nperennial_gateway_processes 2\n') && readRequests(read, 1) > 0,
    );
    expect(text).toContain('\nperennial_gateway_process_restarts_total 1\n');
    expect(children()).not.toContain(killed);
    // The new process has a lease; the one of the killed process ends by itself.
    const isNew = ({ id }: { readonly id: string }): boolean => !before.includes(id);
    const after = await until(live, (leases) => leases.length === 2 && leases.some(isNew));
    expect(after).toHaveLength(2);
    expect(after.filter(isNew)).toHaveLength(1);
  } finally {
    isOver = true;
    await traffic;
  }
  expect(answers.length).toBeGreaterThan(20);
  expect(answers.filter((status) => status !== 200)).toEqual([]);
});

test('all processes end with their supervisor, also when it is killed', async () => {
  const before = children();
  expect(before).toHaveLength(2);
  await gateway.kill('SIGKILL');
  const isRunning = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };
  const left = await until(
    () => Promise.resolve(before.filter(isRunning)),
    ({ length }) => length === 0,
  );
  expect(left).toEqual([]);
});

test('they end with SIGTERM', async () => {
  const other = await world.startGateway(join(folder, 'other'), {
    PERENNIAL_GATEWAY_PROCESSES: '2',
  });
  await other.stop();
  expect(other.exitCode()).toBe(0);
});
