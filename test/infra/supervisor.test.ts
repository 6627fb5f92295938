import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProcessEnd } from '../../infra/embedded/explain';
import { startServer, type RunningServer } from '../../infra/embedded/server-process';
import { isAlive } from '../../infra/service';
import { openSupervisor, type SupervisedProcess, type Supervisor } from '../../infra/supervisor';
import { until } from '../support/time/until';

/** Fake server that ends on demand. */
function fakeProcess(
  name: string,
  tier: number,
  events: string[],
  start?: (signal: AbortSignal) => Promise<void>,
) {
  const running: { end: (exit: ProcessEnd) => void }[] = [];
  const part: SupervisedProcess = {
    name,
    tier,
    start: async (signal) => {
      await start?.(signal);
      events.push(`start ${name}`);
      let end: (exit: ProcessEnd) => void = () => undefined;
      const exited = new Promise<ProcessEnd>((resolve) => (end = resolve));
      running.push({ end });
      const stop = async (): Promise<void> => {
        events.push(`stop ${name}`);
        end({ code: 0, signal: null });
        await exited;
      };
      return {
        name,
        pid: running.length,
        logFile: join(folder, 'none.log'),
        exited,
        stop,
      } satisfies RunningServer;
    },
  };
  return { part, crash: () => running.at(-1)?.end({ code: 1, signal: null }) };
}

let folder: string;
let log: string[];
let events: string[];
let supervisor: Supervisor;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-supervisor-'));
  [log, events] = [[], []];
  supervisor = openSupervisor({
    say: (line) => log.push(line),
    backoffSeconds: (attempt) => attempt / 1000,
  });
});
afterEach(async () => {
  await supervisor.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('restarts a part that ends, and reports it', async () => {
  const { part, crash } = fakeProcess('The worker', 2, events);
  await supervisor.run(part);
  crash();
  await until(() => log.length === 3);
  expect(events).toEqual(['start The worker', 'start The worker']);
  expect(log).toEqual([
    'The worker ended: it ended with code 1',
    'The worker is restarting …',
    'The worker is running again after 0.0 s',
  ]);
  expect(supervisor.processes()).toEqual([{ name: 'The worker', pid: 2 }]);
});

test('retries a failed restart after longer and longer pauses', async () => {
  let failures = 3;
  const { part, crash } = fakeProcess('PostgreSQL', 0, events, () => {
    if (events.length === 0 || failures-- <= 0) return Promise.resolve();
    return Promise.reject(new Error('PostgreSQL could not be started: the disk is full'));
  });
  await supervisor.run(part);
  crash();
  await until(() => log.at(-1)?.startsWith('PostgreSQL is running again') ?? false);
  expect(log.filter((line) => line.includes('the disk is full'))).toHaveLength(3);
  expect(log.filter((line) => /restart(s|ing)/.test(line))).toEqual([
    'PostgreSQL is restarting …',
    'PostgreSQL restarts in 0.001 s …',
    'PostgreSQL restarts in 0.002 s …',
    'PostgreSQL restarts in 0.003 s …',
  ]);
  expect(log.at(-1)).toMatch(/^PostgreSQL is running again/);
});

test('stops upper tiers before lower ones and restarts nothing afterwards', async () => {
  for (const [name, tier] of [
    ['postgres', 0],
    ['temporal', 1],
    ['s3', 1],
    ['worker', 2],
  ] as const)
    await supervisor.run(fakeProcess(name, tier, events).part);
  events.length = 0;
  await supervisor.stop();
  expect(events).toEqual(['stop worker', 'stop temporal', 'stop s3', 'stop postgres']);
  expect(supervisor.processes()).toEqual([]);
});

test('a part that fails at its first start rejects', async () => {
  const { part } = fakeProcess('The API', 2, events, () =>
    Promise.reject(new Error('its port is in use')),
  );
  await expect(supervisor.run(part)).rejects.toThrow('its port is in use');
  expect(log).toEqual([]);
});

test('a stop during a start waits for it and leaves no process', async () => {
  let started: () => void = () => undefined;
  const { part } = fakeProcess(
    'temporal',
    1,
    events,
    () => new Promise((resolve) => (started = resolve)),
  );
  const running = supervisor.run(part);
  const stopped = supervisor.stop();
  started();
  await Promise.all([running, stopped]);
  expect(events).toEqual(['start temporal', 'stop temporal']);
});

describe('a process that does not answer /livez', () => {
  const program = `require('node:http').createServer((request, response) => {
    if (request.url === '/block') for (;;);
    response.end('{}');
  }).listen(Number(process.argv[1]), '127.0.0.1')`;

  test.each([
    ['is stopped by a signal', (pid: number) => Promise.resolve(process.kill(pid, 'SIGSTOP'))],
    [
      'blocks its event loop',
      async (_pid: number, port: number) => {
        void fetch(`http://127.0.0.1:${port}/block`).catch(() => undefined);
        await Promise.resolve();
      },
    ],
  ])(
    'and %s is ended and started again',
    async (_what, freeze) => {
      const watched = openSupervisor({
        say: (line) => log.push(line),
        backoffSeconds: () => 0,
        liveness: { everySeconds: 0.05, maxMisses: 2 },
      });
      const address = { host: '127.0.0.1', port: await freePort(), tls: false };
      const part: SupervisedProcess = {
        name: 'The API',
        tier: 2,
        isAlive: () => isAlive(address),
        start: (signal) =>
          startServer({
            name: 'The API',
            command: process.execPath,
            args: ['-e', program, String(address.port)],
            env: {},
            logFile: join(folder, 'api.log'),
            ready: () => isAlive(address),
            readySeconds: 60,
            stopSignal: 'SIGTERM',
            stopSeconds: 1,
            guard: { add: () => undefined, drop: () => undefined },
            signal,
          }),
      };
      try {
        const { pid } = await watched.run(part);
        await freeze(pid, address.port);
        await until(() => log.some((line) => line.startsWith('The API is running again')), {
          seconds: 100,
        });
        expect(log[0]).toBe('The API did not answer 2 checks of /livez in a row, so it is ended');
        expect(watched.processes()[0]?.pid).not.toBe(pid);
        expect(await isAlive(address)).toBe(true);
      } finally {
        await watched.stop();
      }
    },
    120_000,
  );

  test('is not ended while it answers now and then', async () => {
    const watched = openSupervisor({
      say: (line) => log.push(line),
      liveness: { everySeconds: 0.001, maxMisses: 3 },
    });
    let checks = 0;
    const { part } = fakeProcess('The worker', 2, events);
    await watched.run({ ...part, isAlive: () => Promise.resolve((checks += 1) % 3 === 0) });
    await until(() => checks > 30);
    await watched.stop();
    expect(events).toEqual(['start The worker', 'stop The worker']);
    expect(log).toEqual([]);
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
