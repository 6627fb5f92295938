import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimArea } from '../../../../../activities/training/compute/local/area-claim';
import {
  openCheckpointMirror,
  storedCheckpoint,
} from '../../../../../activities/training/compute/local/checkpoint-mirror';
import { JobDirectory } from '../../../../../activities/training/compute/local/job-directory';
import type { JobArea } from '../../../../../data/artifact/job-area';

let root: string;
let area: JobArea;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'perennial-mirror-'));
  area = areaIn(join(root, 'store'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Keeps the files of the job in memory. */
function areaIn(folder: string): JobArea {
  mkdirSync(folder);
  const stored = new Map<string, Buffer>();
  const unused = () => Promise.reject(new Error('not used by the mirror'));
  const remove = (names: readonly string[]) => {
    for (const name of names) stored.delete(name);
    return Promise.resolve();
  };
  return {
    prefix: 'job/',
    create: unused,
    write: (name, value) => {
      stored.set(name, Buffer.from(JSON.stringify(value)));
      return Promise.resolve();
    },
    read: (name) => Promise.resolve(stored.get(name) ?? null),
    end: unused,
    names: (start) => Promise.resolve([...stored.keys()].filter((name) => name.startsWith(start))),
    upload: (name, path) => {
      stored.set(name, readFileSync(path));
      return Promise.resolve();
    },
    download: (name, path) => {
      const from = join(folder, 'download');
      writeFileSync(from, stored.get(name) ?? '');
      return copyFile(from, path);
    },
    remove,
    clear: () => remove([...stored.keys()]),
    signUrl: unused,
    uploads: unused,
  };
}

/** The job's folder on one machine. */
function on(machine: string) {
  const directory = new JobDirectory(join(root, machine), 'run_1/train/job');
  mkdirSync(directory.path, { recursive: true, mode: 0o700 });
  return {
    async begin() {
      const claim = await claimArea(area);
      const mirror = openCheckpointMirror({ area, claim, directory, memoryBytes: 1 });
      await mirror.restore();
      return mirror;
    },
    reach(step: number) {
      rmSync(directory.file('checkpoint'), { recursive: true, force: true });
      mkdirSync(directory.file('checkpoint', String(step)), { recursive: true, mode: 0o700 });
      writeFileSync(directory.file('checkpoint', String(step), 'state'), String(step));
    },
    files: () => directory.checkpoint().map(({ path }) => path),
  };
}

const storedFiles = async () => (await storedCheckpoint(area))?.files.map(({ path }) => path);

test('the next machine continues from the checkpoint of the lost one', async () => {
  const [a, b] = [on('a'), on('b')];
  const first = await a.begin();
  a.reach(5);
  await first.save();
  await b.begin();
  expect(b.files()).toEqual(['5/state']);
});

test('a machine that seemed to be lost does not stop the uploads of the next one', async () => {
  const [a, b] = [on('a'), on('b')];
  const first = await a.begin();
  const second = await b.begin();
  a.reach(1);
  await first.save();
  b.reach(2);
  await second.save();
  expect(await storedFiles()).toEqual(['2/state']);
  a.reach(3);
  await first.save();
  expect(await storedFiles()).toEqual(['2/state']);
});

test('a machine that seemed to be lost stores nothing once the job has succeeded', async () => {
  const [a, b] = [on('a'), on('b')];
  const first = await a.begin();
  await b.begin();
  await area.clear();
  a.reach(3);
  await first.save();
  expect(await area.names('')).toEqual([]);
});
