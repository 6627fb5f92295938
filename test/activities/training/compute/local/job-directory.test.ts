import { lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JobDirectory } from '../../../../../activities/training/compute/local/job-directory';

let root: string;
/** A folder outside of the job's own, with the file `5/secret`. */
let outside: string;
let directory: JobDirectory;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'perennial-job-'));
  outside = join(root, 'outside');
  writeIn(join(outside, '5'), 'secret');
  directory = new JobDirectory(join(root, 'compute'), 'run_1/train/job');
  writeIn(directory.path, 'job.json');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function writeIn(folder: string, name: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, name), '{}');
}

/** Links at each place where a job can put one. */
const links: readonly (readonly string[])[] = [
  ['checkpoint'],
  ['checkpoint', '5'],
  ['checkpoint', '7', 'link'],
  ['outputs'],
  ['outputs', 'deep', 'link'],
  ['work'],
  ['work', 'link'],
  ['inputs'],
  ['inputs', 'link'],
  ['files'],
];

function linkAt(path: readonly string[]): void {
  mkdirSync(directory.file(...path.slice(0, -1)), { recursive: true, mode: 0o700 });
  symlinkSync(outside, directory.file(...path));
}

describe.each(links.map((path) => [path.join('/'), path] as const))(
  'a link to a folder at %s',
  (_, path) => {
    test('adds no file to the checkpoint and the outputs', () => {
      linkAt(path);
      expect(directory.checkpoint()).toEqual([]);
      expect(directory.outputs()).toEqual([]);
    });

    const isRoot = process.geteuid?.() === 0;
    (isRoot ? test : test.skip)('gives no file outside to the user of the job (as root)', () => {
      linkAt(path);
      directory.giveTo(54_321);
      for (const name of ['.', '5', '5/secret'])
        expect(lstatSync(join(outside, name)).uid).toBe(process.geteuid?.());
      expect(lstatSync(join(outside, '5')).gid).toBe(process.getegid?.());
      expect(lstatSync(join(outside, '5')).mode & 0o777).toBe(0o700);
    });
  },
);

test('files in folders belong to the checkpoint and the outputs', () => {
  writeIn(directory.file('checkpoint', '4'), 'state');
  writeIn(directory.file('checkpoint', '5', 'deep', 'er'), 'state');
  writeIn(directory.file('checkpoint', '5'), 'model');
  writeIn(directory.file('outputs', 'deep'), 'model');
  expect(directory.checkpoint().map(({ path }) => path)).toEqual(['5/deep/er/state', '5/model']);
  expect(directory.outputs()).toEqual(['deep/model']);
});

test('a file of the checkpoint is copied only from the folder of the job', async () => {
  writeIn(directory.file('checkpoint', '5'), 'state');
  symlinkSync(outside, directory.file('checkpoint', '5', 'link'));
  const copy = join(root, 'copy');
  expect(await directory.copyCheckpointFile('5/state', copy)).toMatchObject({ bytes: 2 });
  expect(await directory.copyCheckpointFile('5/link/5/secret', copy)).toBeNull();
});
