import { execFile, execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wholeFileAt, writeWhole } from '../../../apps/cli/whole-file';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-files-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a file is replaced completely', async () => {
  writeFileSync(join(folder, 'a'), 'before, and longer');
  await writeWhole(wholeFileAt('a', folder), (write) => {
    write('one, ');
    expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('before, and longer');
    write('two');
  });
  expect([readdirSync(folder), readFileSync(join(folder, 'a'), 'utf8')]).toEqual([
    ['a'],
    'one, two',
  ]);
});

test('if the work fails, the old content stays', async () => {
  writeFileSync(join(folder, 'a'), 'before');
  const work = (write: (text: string) => void): void => {
    write('half');
    throw new Error('no more');
  };
  await expect(writeWhole(wholeFileAt('a', folder), work)).rejects.toThrow('no more');
  expect([readdirSync(folder), readFileSync(join(folder, 'a'), 'utf8')]).toEqual([['a'], 'before']);
});

test('a path that cannot be written is an error, and the check leaves no file', () => {
  expect(() => wholeFileAt('nosuch/a', folder)).toThrow(
    'nosuch/a cannot be written: the folder does not exist',
  );
  expect(() => wholeFileAt('.', folder)).toThrow('. cannot be written because it is a folder');
  wholeFileAt('a', folder);
  expect(readdirSync(folder)).toEqual([]);
});

test('a link stays, and its target is written', async () => {
  symlinkSync(join(folder, 'a'), join(folder, 'link'));
  writeFileSync(join(folder, 'a'), 'before');
  await writeWhole(wholeFileAt('link', folder), (write) => write('after'));
  expect([
    lstatSync(join(folder, 'link')).isSymbolicLink(),
    readFileSync(join(folder, 'a'), 'utf8'),
  ]).toEqual([true, 'after']);
});

test('a pipe is opened once for many writes', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = execFile('cat', [pipe]);
  let heard = '';
  reader.stdout?.on('data', (text: string) => (heard += text));
  const ended = new Promise((resolve) => reader.once('close', resolve));
  await writeWhole(wholeFileAt('pipe', folder), async (write) => {
    write('one, ');
    await new Promise((resolve) => setTimeout(resolve, 50));
    write('two');
  });
  await ended;
  expect(heard).toBe('one, two');
});

test('a device is written directly and stays a device', async () => {
  const device = wholeFileAt('/dev/null', folder);
  expect(device.isStream).toBe(true);
  await writeWhole(device, (write) => write('gone'));
  expect(wholeFileAt('/dev/null', folder).isStream).toBe(true);
});
