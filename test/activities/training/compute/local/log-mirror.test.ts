import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimArea } from '../../../../../activities/training/compute/local/area-claim';
import { JobDirectory } from '../../../../../activities/training/compute/local/job-directory';
import { openLogMirror } from '../../../../../activities/training/compute/local/log-mirror';

let root: string;
/** The files of the job in the store. */
let stored: Map<string, Buffer>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'perennial-logs-'));
  stored = new Map();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const area = {
  read: (name: string) => Promise.resolve(stored.get(name) ?? null),
  write: (name: string, value: unknown) => {
    stored.set(name, Buffer.from(JSON.stringify(value)));
    return Promise.resolve();
  },
};

/** The job's folder on one machine. */
function on(machine: string) {
  const directory = new JobDirectory(join(root, machine), 'run_1/train/job');
  mkdirSync(directory.path, { recursive: true, mode: 0o700 });
  return {
    open: async () => openLogMirror({ area, claim: await claimArea(area), directory }),
    print: (text: string) => appendFileSync(directory.file('log.txt'), text),
    log: () => directory.tail('log.txt', 10_000),
  };
}

const moved = 'perennial: the job lost its machine here and continues on another one\n';

test('the next machine begins its log with that of the lost one', async () => {
  const [a, b] = [on('a'), on('b')];
  const first = await a.open();
  a.print('epoch 1\n');
  await first.save();
  const second = await b.open();
  b.print('epoch 2\n');
  await second.save();
  expect(await b.log()).toBe(`epoch 1\n${moved}epoch 2\n`);
});

test('a machine that seemed to be lost does not write over the log of the next one', async () => {
  const [a, b] = [on('a'), on('b')];
  const first = await a.open();
  a.print('epoch 1\n');
  await first.save();
  const second = await b.open();
  await second.save();
  a.print('epoch 1, too late\n');
  await first.save();
  expect(
    await on('c')
      .open()
      .then(() => on('c').log()),
  ).toBe(`epoch 1\n${moved}${moved}`);
});

test('a machine that seemed to be lost does not stop the log of the next one', async () => {
  const [a, b] = [on('a'), on('b')];
  const first = await a.open();
  const second = await b.open();
  a.print('epoch 1, too late\n');
  await first.save();
  b.print('epoch 1 again\n');
  await second.save();
  const c = on('c');
  await c.open();
  expect(await c.log()).toBe(`epoch 1 again\n${moved}`);
});

test('a worker that starts again on the same machine keeps its log as it is', async () => {
  const a = on('a');
  const first = await a.open();
  a.print('epoch 1\n');
  await first.save();
  a.print('epoch 2, not stored\n');
  const again = await a.open();
  await again.save();
  expect(await a.log()).toBe('epoch 1\nepoch 2, not stored\n');
});

test('a job that comes back to a machine has the log of both', async () => {
  const [a, b] = [on('a'), on('b')];
  a.print('epoch 1\n');
  await (await a.open()).save();
  const onB = await b.open();
  b.print('epoch 2\n');
  await onB.save();
  await a.open();
  expect(await a.log()).toBe(`epoch 1\n${moved}epoch 2\n${moved}`);
});

test('secrets are not stored', async () => {
  const a = on('a');
  const mirror = await a.open();
  a.print('postgres://perennial:hunter2@db.example/registry\n');
  await mirror.save();
  expect(stored.get('log.json')?.toString()).not.toContain('hunter2');
});
