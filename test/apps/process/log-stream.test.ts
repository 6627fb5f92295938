import { execFile } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, write } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { droppedLogLines, openLogStream } from '../../../apps/process/log-stream';
import { until } from '../../support/time/until';

let folder: string;
let fd: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-log-'));
  fd = openSync(join(folder, 'log'), 'a');
});
afterEach(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true, force: true });
});

const lines = (): readonly string[] =>
  readFileSync(join(folder, 'log'), 'utf8').split('\n').filter(Boolean);

/** Fails every write with this code while `isFull`. */
function disk(code: string) {
  const state = { isFull: false };
  const writeToFile = ((
    target: number,
    bytes: Buffer,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ) => {
    if (state.isFull) setImmediate(() => done(Object.assign(new Error(code), { code }), 0));
    else write(target, bytes, done);
  }) as typeof write;
  return { state, writeToFile };
}

test('writes every line in its order', async () => {
  const stream = openLogStream({ fd });
  const expected = Array.from({ length: 1000 }, (_, number) => `line ${number}`);
  for (const line of expected) stream.write(`${line}\n`);
  await until(() => lines().length === 1000);
  expect(lines()).toEqual(expected);
});

test('drops lines on a full disk, and reports their number once there is space', async () => {
  const { state, writeToFile } = disk('ENOSPC');
  const stream = openLogStream({ fd, writeToFile });
  const before = droppedLogLines();
  stream.write('before\n');
  await until(() => lines().length === 1);
  state.isFull = true;
  for (let number = 0; number < 3; number += 1) {
    stream.write('lost\n');
    await until(() => droppedLogLines() === before + number + 1);
  }
  state.isFull = false;
  stream.write('after\n');
  await until(() => lines().length === 3);
  expect(JSON.parse(lines()[1] ?? '')).toMatchObject({
    level: 'error',
    droppedLines: 3,
    msg: expect.stringContaining('ENOSPC') as string,
  });
  expect([lines()[0], lines()[2]]).toEqual(['before', 'after']);
});

test('limits its memory while a reader is slow', async () => {
  const { state, writeToFile } = disk('EAGAIN');
  state.isFull = true;
  const stream = openLogStream({ fd, writeToFile, maxQueuedBytes: 100 });
  const before = droppedLogLines();
  for (let number = 0; number < 50; number += 1) stream.write('nine byte\n');
  expect(droppedLogLines() - before).toBeGreaterThanOrEqual(39);
  state.isFull = false;
  await until(() => lines().length > 1);
});

test('a process whose log is on a full disk continues and can exit', async () => {
  const script = `
    const { openLog } = require('./workers/log.ts');
    const log = openLog('gateway', 'info');
    for (let round = 0; round < 100; round += 1) log.info({ round }, 'x'.repeat(1000));
    setTimeout(() => { log.info('still here'); console.log('answered'); process.exit(0); }, 200);`;
  const run = promisify(execFile)(
    '/bin/sh',
    ['-c', 'exec "$0" -r tsx/cjs -e "$1" 2>/dev/full', process.execPath, script],
    {
      timeout: 20_000,
    },
  );
  await expect(run).resolves.toMatchObject({ stdout: 'answered\n' });
});
