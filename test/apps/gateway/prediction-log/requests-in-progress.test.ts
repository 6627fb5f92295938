import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import {
  openRequestsInProgress,
  parseInProgress,
} from '../../../../apps/gateway/prediction-log/requests-in-progress';

let folder: string;
let path: string;
const errors: unknown[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-requests-'));
  path = join(folder, `${basename(folder)}.progress`);
  errors.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = () => openRequestsInProgress({ folder, onError: (error) => errors.push(error) });
/** The writes of the event loop's turn. */
const turn = () => new Promise<void>((passed) => setImmediate(passed));
const onDisk = () => parseInProgress(readFileSync(path, 'utf8'));
const of = (model: string, requests: number) => ({ tenant: 't', model, requests });

test('the numbers of a turn of the event loop are on disk at its end', async () => {
  const requests = open();
  expect(onDisk()).toEqual([]);
  const first = requests.begin('t', 'a');
  const second = requests.begin('t', 'a');
  const other = requests.begin('t', 'b');
  expect(onDisk()).toEqual([]);
  await turn();
  expect(onDisk()).toEqual([of('a', 2), of('b', 1)]);
  requests.end(first);
  requests.end(other);
  await turn();
  expect(onDisk()).toEqual([of('a', 1)]);
  requests.end(second);
  await turn();
  expect(onDisk()).toEqual([]);
  expect(errors).toEqual([]);
});

test('nothing is written while the numbers stay the same', async () => {
  const requests = open();
  requests.begin('t', 'a');
  await turn();
  const { mtimeNs } = statSync(path, { bigint: true });
  for (let request = 0; request < 100; request += 1) {
    requests.end(requests.begin('t', 'a'));
    await turn();
  }
  expect(statSync(path, { bigint: true }).mtimeNs).toBe(mtimeNs);
});

test('the file has one page, whatever callers send as names', async () => {
  const requests = open();
  const names = Array.from({ length: 500 }, (_, index) => `${index}-"\n\n\\\0😀${'ü'.repeat(80)}`);
  for (const name of names) requests.begin('t', name);
  await turn();
  expect(statSync(path).size).toBe(4_096);
  const found = onDisk();
  expect(found.reduce((sum, each) => sum + each.requests, 0)).toBe(500);
  const [rest, ...named] = [...found].reverse();
  expect(rest).toMatchObject({ tenant: '', model: '' });
  expect(named.length).toBeGreaterThan(10);
  expect(named.reverse().map(({ model }) => model)).toEqual(names.slice(0, named.length));
});

test('a process whose file was taken over begins a new one with the present numbers', async () => {
  const requests = open();
  requests.begin('t', 'a');
  await turn();
  const taken = `${folder}-taken`;
  renameSync(path, taken);
  rmSync(folder, { recursive: true });
  requests.begin('t', 'a');
  await turn();
  requests.tend();
  await turn();
  expect(onDisk()).toEqual([of('a', 2)]);
  rmSync(taken);
});

test('a folder that cannot be written is reported and tried again', async () => {
  rmSync(folder, { recursive: true });
  mkdirSync(path, { recursive: true });
  const requests = open();
  requests.begin('t', 'a');
  await turn();
  expect(errors).toHaveLength(1);
  rmSync(path, { recursive: true });
  requests.tend();
  await turn();
  expect(onDisk()).toEqual([of('a', 1)]);
  expect(errors).toHaveLength(1);
});

test('a clean stop leaves no file', async () => {
  const requests = open();
  requests.end(requests.begin('t', 'a'));
  requests.close();
  await turn();
  requests.tend();
  expect(existsSync(path)).toBe(false);
});
