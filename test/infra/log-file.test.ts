import {
  closeSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rotateLog, trimLog } from '../../infra/log-file';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-log-'));
  file = join(folder, 'api.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const start = (text: string): void => {
  closeSync(rotateLog(file));
  writeFileSync(file, text);
};

test('keeps the logs of the last five starts', () => {
  for (let number = 1; number <= 8; number += 1) start(`start ${number}`);
  expect(readdirSync(folder).sort()).toEqual([
    'api.log',
    'api.log.1',
    'api.log.2',
    'api.log.3',
    'api.log.4',
    'api.log.5',
  ]);
  expect(readFileSync(file, 'utf8')).toBe('start 8');
  expect(readFileSync(`${file}.1`, 'utf8')).toBe('start 7');
  expect(readFileSync(`${file}.5`, 'utf8')).toBe('start 3');
});

test('a start that logged nothing replaces no older log', () => {
  start('something');
  start('');
  start('more');
  expect(readdirSync(folder).sort()).toEqual(['api.log', 'api.log.1']);
});

test('empties a full file in place and keeps a copy', () => {
  start('first');
  trimLog(file);
  expect(readFileSync(file, 'utf8')).toBe('first');
  truncateSync(file, 64 * 1024 * 1024);
  trimLog(file);
  expect(readFileSync(file, 'utf8')).toBe('');
  expect(readFileSync(`${file}.1`).subarray(0, 5).toString()).toBe('first');
});

test('does not empty a full file that cannot be copied', () => {
  start('first');
  truncateSync(file, 64 * 1024 * 1024);
  // A copy to this device fails like on a full disk.
  symlinkSync('/dev/full', `${file}.1`);
  trimLog(file);
  expect(readFileSync(file).subarray(0, 5).toString()).toBe('first');
});
