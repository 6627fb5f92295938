import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  serverEnvironment,
  startServer,
  type ServerCommand,
} from '../../infra/embedded/server-process';
import { explainLog } from '../../infra/embedded/explain';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-server-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const guarded: string[] = [];
function shell(
  script: string,
  options: Partial<ServerCommand> = {},
): Promise<Awaited<ReturnType<typeof startServer>>> {
  return startServer({
    name: 'The server',
    command: '/bin/sh',
    args: ['-c', script],
    env: serverEnvironment(),
    logFile: join(folder, 'server.log'),
    ready: () =>
      Promise.resolve(readFileSync(join(folder, 'server.log'), 'utf8').startsWith('ready')),
    readySeconds: 10,
    stopSignal: 'SIGTERM',
    stopSeconds: 5,
    guard: { add: (pid) => guarded.push(`+${pid}`), drop: (pid) => guarded.push(`-${pid}`) },
    ...options,
  });
}

test('a server is started when it responds, and has ended after its stop', async () => {
  const server = await shell('echo ready; exec sleep 60');
  await server.stop();
  expect(await server.exited).toEqual({ code: null, signal: 'SIGTERM' });
  expect(guarded).toEqual([`+${server.pid}`, `-${server.pid}`]);
});

test('a server that ignores its stop signal is killed', async () => {
  const server = await shell('trap "" TERM; echo ready; while :; do sleep 0.1; done', {
    stopSeconds: 0.2,
  });
  await server.stop();
  expect(await server.exited).toEqual({ code: null, signal: 'SIGKILL' });
});

test('a start that times out or is aborted leaves no process', async () => {
  await expect(shell('exec sleep 60', { readySeconds: 0.1 })).rejects.toThrow(
    'The server could not be started: no response within 0.1 s',
  );
  await expect(shell('exec sleep 60', { signal: AbortSignal.timeout(50) })).rejects.toThrow(
    'The server was stopped before it was ready',
  );
});

describe('the error of a failed start names the cause', () => {
  test.each([
    [
      'port',
      'echo "FATAL: could not bind IPv4 address \\"127.0.0.1\\": Address already in use"; exit 1',
      /its port is in use by another program/,
    ],
    [
      'disk',
      'echo "PANIC: could not write to file: No space left on device"; exit 1',
      /the disk is full/,
    ],
    [
      'permissions',
      'echo "open /data/x: permission denied"; exit 1',
      /it has no permission to use one of its files/,
    ],
    [
      'unknown',
      'echo starting; echo "panic: surprise"; echo bye; exit 3',
      /could not be started: panic: surprise/,
    ],
    [
      'JSON log',
      `echo '{"level":"fatal","err":{"message":"listen EADDRINUSE: address already in use 127.0.0.1:8700"}}'; exit 1`,
      /its port is in use.*\(listen EADDRINUSE/,
    ],
    ['silent', 'exit 7', /could not be started: it ended with code 7/],
  ])('%s', async (_, script, message) => {
    await expect(shell(script)).rejects.toThrow(message);
  });

  test('with the complete message and next step of a Perennial process', async () => {
    const message = `cannot go on with 30 runs:\n${'  run_x of m: why\n'.repeat(30)}`;
    const line = JSON.stringify({
      level: 'fatal',
      err: { message, next: 'start the version before' },
    });
    writeFileSync(join(folder, 'line.json'), `${line}\n`);
    await expect(shell(`cat ${join(folder, 'line.json')}; exit 1`)).rejects.toMatchObject({
      message: expect.stringMatching(
        /could not be started: cannot go on with 30 runs:(\n {2}run_x of m: why){30}/,
      ) as string,
      next: expect.stringMatching(/^start the version before\. Its log is /) as string,
    });
  });

  test('for a missing program', async () => {
    await expect(shell('', { command: '/nowhere/weed' })).rejects.toMatchObject({
      message: 'The server could not be started: the program /nowhere/weed does not exist',
      next: expect.stringContaining('provision') as unknown,
    });
    const text = join(folder, 'text');
    writeFileSync(text, 'no program', { mode: 0o644 });
    await expect(shell('', { command: text })).rejects.toThrow('is not executable');
  });
});

test('the log of the previous start is kept beside the new one', async () => {
  await (await shell('echo ready one; exec sleep 60')).stop();
  await (await shell('echo ready two; exec sleep 60')).stop();
  expect(readFileSync(join(folder, 'server.log'), 'utf8')).toBe('ready two\n');
  expect(readFileSync(join(folder, 'server.log.1'), 'utf8')).toBe('ready one\n');
  expect(explainLog(join(folder, 'none.log'))).toBeNull();
});
