import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSecrets } from '../../infra/secrets';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-secrets-'));
  file = join(folder, 'secrets.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const readMode = (path: string): number => statSync(path).mode & 0o777;

test('are random, made once, and readable only by this user', () => {
  const first = openSecrets(file, []);
  expect(readMode(file)).toBe(0o600);
  expect(openSecrets(file, [])).toEqual(first);
  expect(new Set(Object.values(first)).size).toBe(5);

  rmSync(file);
  expect(openSecrets(file, []).databasePassword).not.toBe(first.databasePassword);
});

test('of an older version get the password of the second role once, and keep the others', () => {
  const { databaseAppPassword: _, ...older } = openSecrets(file, []);
  writeFileSync(file, JSON.stringify(older), { mode: 0o600 });
  const first = openSecrets(file, [folder]);
  expect(first).toMatchObject(older);
  expect(first.databaseAppPassword).toMatch(/^[\w-]{32}$/);
  expect(openSecrets(file, [folder])).toEqual(first);
});

test('are made private again when other users could read them', () => {
  openSecrets(file, []);
  chmodSync(file, 0o644);
  openSecrets(file, []);
  expect(readMode(file)).toBe(0o600);
});

test('are not replaced while data needs the lost ones', () => {
  const data = join(folder, 'data');
  mkdirSync(data);
  expect(() => openSecrets(file, [data])).toThrow(/missing or incomplete/);
  expect(existsSync(file)).toBe(false);
});

test('a damaged file gives an error and is not overwritten', () => {
  writeFileSync(file, '{"databasePass');
  expect(() => openSecrets(file, [])).toThrow(/secrets\.json is damaged/);
});
