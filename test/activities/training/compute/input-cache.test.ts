import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  chmodSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InputCache } from '../../../../activities/training/compute/local/input-cache';
import { createInputCache } from '../../../../activities/training/compute/local/input-cache';
import { sha256 } from '../../../../data/digest';
import type { ArtifactRef } from '../../../../domain/artifact';

const rows = Buffer.from('rows of a training');
const artifact: ArtifactRef = {
  uri: 's3://b/rows',
  digest: sha256(rows),
  bytes: rows.byteLength,
  mediaType: 'text/plain',
};
const never = new AbortController().signal;

let folder: string;
let cached: string;
let fetched: number;
let held: Promise<void>;
let cache: InputCache;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-inputs-'));
  cached = join(folder, 'cache');
  fetched = 0;
  held = Promise.resolve();
  cache = createInputCache(cached, {
    async toFile(_ref, path) {
      fetched += 1;
      await held;
      writeFileSync(path, rows, { mode: 0o600 });
    },
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const place = (name: string, signal = never) => cache.place(artifact, join(folder, name), signal);

test('jobs with the same input share one file, which is fetched once', async () => {
  await Promise.all([place('a'), place('b')]);
  await place('c');
  expect(fetched).toBe(1);
  expect(readFileSync(join(folder, 'c'))).toEqual(rows);
  expect(new Set(['a', 'b', 'c'].map((name) => statSync(join(folder, name)).ino)).size).toBe(1);
  expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o444);
});

test('an input is removed when no job uses it', async () => {
  await place('a');
  cache.sweep();
  expect(readdirSync(cached)).toHaveLength(1);
  rmSync(join(folder, 'a'));
  cache.sweep();
  expect(readdirSync(cached)).toEqual([]);
  await place('b');
  expect(fetched).toBe(2);
});

test('an input that a job wrote to is not reused', async () => {
  await place('a');
  chmodSync(join(folder, 'a'), 0o600);
  writeFileSync(join(folder, 'a'), Buffer.alloc(rows.byteLength, '?'));
  await place('b');
  expect(readFileSync(join(folder, 'b'))).toEqual(rows);
  expect(fetched).toBe(2);
});

test('a job that is cancelled while its input is fetched does not wait, and others still get it', async () => {
  let arrive: () => void = () => undefined;
  held = new Promise((done) => (arrive = done));
  const cancelled = new AbortController();
  const first = place('a', cancelled.signal);
  const second = place('b');
  cancelled.abort(new Error('cancelled'));
  await expect(first).rejects.toThrow('cancelled');
  arrive();
  await second;
  expect(fetched).toBe(1);
});

test('removes stale partial files, but not transfers in progress', () => {
  writeFileSync(join(cached, 'half.partial'), 'ro');
  cache.sweep();
  expect(readdirSync(cached)).toHaveLength(1);
  const long = new Date(Date.now() - 2 * 3_600_000);
  utimesSync(join(cached, 'half.partial'), long, long);
  cache.sweep();
  expect(readdirSync(cached)).toEqual([]);
});
