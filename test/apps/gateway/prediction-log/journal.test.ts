import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal, type RowJournal } from '../../../../apps/gateway/prediction-log/journal';
import { openSpill } from '../../../../apps/gateway/prediction-log/spill';

interface Row {
  readonly number: number;
}

let folder: string;
const errors: unknown[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-journal-'));
  errors.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const orphanSeconds = 0.05;
const open = (segmentBytes = 1_000, into = folder): RowJournal<Row> =>
  openJournal<Row>({
    folder: into,
    segmentBytes,
    orphanSeconds,
    onError: (error) => errors.push(error),
  });
/** The spill of a process, which takes over the files of one that was silent for 50 ms. */
const openProcessSpill = () =>
  openSpill<Row>({
    folder,
    segmentBytes: 1_000,
    maxBytes: 100_000,
    orphanSeconds,
    onLost: (lost, reason) => errors.push([lost, reason]),
  });
/** The next microtask after those that are queued. */
const turn = () => Promise.resolve();
const rows = (from: number, until: number): Row[] =>
  Array.from({ length: until - from }, (_, index) => ({ number: from + index }));
const files = () => readdirSync(folder).filter((name) => name.endsWith('.ndjson'));
const onDisk = () =>
  files()
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as Row).number);

test('rows are on disk in the next microtask, until they are settled', async () => {
  const journal = open();
  const added = rows(0, 5);
  for (const row of added) journal.add(row);
  await turn();
  expect(onDisk()).toEqual([0, 1, 2, 3, 4]);
  journal.settle(added.slice(0, 3));
  // The file is emptied with its last row.
  expect(onDisk()).toHaveLength(5);
  journal.settle(added.slice(3));
  expect(onDisk()).toEqual([]);

  const next = rows(5, 6);
  for (const row of next) journal.add(row);
  await turn();
  expect(onDisk()).toEqual([5]);
  journal.settle(next);
  journal.close();
  expect(files()).toEqual([]);
});

test('a full segment is deleted with its last row, and rows that were not settled stay after the end', async () => {
  const journal = open(60);
  const added = rows(0, 12);
  for (const row of added) {
    journal.add(row);
    await turn();
  }
  const before = files().length;
  expect(before).toBeGreaterThan(2);
  journal.settle(added.slice(0, 6));
  expect(files().length).toBeLessThan(before);
  expect(onDisk()).toEqual(expect.arrayContaining([6, 7, 8, 9, 10, 11]));
  journal.close();
  expect(onDisk()).toEqual(expect.arrayContaining([6, 7, 8, 9, 10, 11]));
  for (const name of files()) expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
});

test('rows of a killed process reach the next one through the spill', async () => {
  const killed = await openProcessSpill();
  const journal = open(1_000, killed.folder);
  for (const row of rows(0, 3)) journal.add(row);
  await turn();
  await new Promise((resolve) => setTimeout(resolve, 100));

  const next = await openProcessSpill();
  expect(await next.tend()).toBe(1);
  const segment = await next.oldest();
  expect([...(segment?.batches(10) ?? [])].flat()).toEqual(rows(0, 3));
  expect(errors).toEqual([]);
});

test('a file that another process took over gets no rows that only it would hold', async () => {
  const paused = await openProcessSpill();
  const journal = open(1_000, paused.folder);
  const added = rows(0, 4);
  for (const row of added.slice(0, 2)) journal.add(row);
  await turn();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const other = await openProcessSpill();
  expect(await other.tend()).toBe(1);
  const taken = await other.oldest();
  await taken?.remove();

  // The process goes on, gets requests and is killed.
  for (const row of added.slice(2)) journal.add(row);
  await turn();
  expect(errors).toEqual([]);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await other.tend()).toBe(1);
  const segment = await other.oldest();
  expect([...(segment?.batches(10) ?? [])].flat()).toEqual(rows(2, 4));
  journal.settle(added);
  journal.close();
});

describe('a folder that cannot be written', () => {
  const broken = () => {
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');
  };
  const mended = () => rmSync(folder);

  test('loses no other rows', async () => {
    const journal = open();
    broken();
    const lost = rows(0, 2);
    for (const row of lost) journal.add(row);
    await turn();
    expect(errors).toHaveLength(1);
    journal.settle(lost);
    journal.close();
  });

  test('is reported until rows can be written, which then are', async () => {
    const journal = open();
    broken();
    expect(journal.fails()).toBe(false);
    const added = rows(0, 3);
    for (const row of added) journal.add(row);
    await turn();
    expect(journal.fails()).toBe(true);
    journal.retry();
    expect(journal.fails()).toBe(true);
    journal.settle(added.slice(0, 1));
    mended();
    journal.retry();
    expect(journal.fails()).toBe(false);
    expect(onDisk()).toEqual([1, 2]);
    journal.settle(added);
    expect(onDisk()).toEqual([]);
    journal.close();
  });

  test('is reported until it can be written, also when no rows wait', async () => {
    const journal = open();
    broken();
    const added = rows(0, 1);
    for (const row of added) journal.add(row);
    await turn();
    journal.settle(added);
    journal.retry();
    expect(journal.fails()).toBe(true);
    mended();
    journal.retry();
    expect(journal.fails()).toBe(false);
    expect(onDisk()).toEqual([]);
    journal.close();
    expect(files()).toEqual([]);
  });
});
