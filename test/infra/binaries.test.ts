import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findPostgres, findServer } from '../../infra/embedded/binaries';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-binaries-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(path: string, prints = ''): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\necho '${prints}'\n`);
  chmodSync(file, 0o755);
  return file;
}

const find = (name: 'temporal' | 'weed', environment: Record<string, string> = {}): string =>
  findServer(name, {
    environment: { PATH: join(folder, 'path'), ...environment },
    cacheDir: join(folder, 'cache'),
  });

describe('the program of a server', () => {
  test('is the one of the setting, if set', () => {
    const explicit = program('mine/temporal');
    program('path/temporal', 'temporal version 1.9.1 (Server 1.32.0)');
    program('cache/temporal');
    expect(find('temporal', { PERENNIAL_TEMPORAL_BIN: explicit })).toBe(explicit);
  });

  test('is not searched for when the setting is wrong', () => {
    program('cache/weed');
    expect(() => find('weed', { PERENNIAL_WEED_BIN: '/nowhere/weed' })).toThrow(
      'PERENNIAL_WEED_BIN is /nowhere/weed, which is not a program',
    );
  });

  test('is one on PATH when its version was tested', () => {
    const installed = program('path/temporal', 'temporal version 1.12.0 (Server 1.33.0)');
    program('cache/temporal');
    expect(find('temporal')).toBe(installed);
  });

  test.each([
    ['too old', 'temporal', 'temporal version 0.13.0'],
    ['another major version', 'temporal', 'temporal version 2.0.0'],
    ['a minor version with other flags', 'weed', 'version 30GB 3.97 linux amd64'],
    ['silent about its version', 'weed', ''],
  ] as const)('is the fetched one when that on PATH is %s', (_, name, prints) => {
    program(`path/${name}`, prints);
    const cached = program(`cache/${name}`);
    expect(find(name)).toBe(cached);
  });

  test('gives an error with the command that downloads it when it is missing', () => {
    expect(() => find('weed')).toThrow(
      'The program weed for the S3 store (SeaweedFS) was not found',
    );
    expect.assertions(2);
    try {
      find('weed');
    } catch (error) {
      expect((error as { next: string }).next).toContain('node bin/provision.mjs');
    }
  });
});

describe('PostgreSQL', () => {
  const search = (environment: Record<string, string>) => ({
    environment: { PATH: join(folder, 'path'), ...environment },
    cacheDir: folder,
  });

  test('comes from the folder of the setting', () => {
    program('pg/bin/initdb');
    const bin = dirname(program('pg/bin/postgres'));
    expect(findPostgres(search({ PERENNIAL_POSTGRES_BIN: bin }), () => null)).toBe(dirname(bin));
    expect(() => findPostgres(search({ PERENNIAL_POSTGRES_BIN: folder }), () => null)).toThrow(
      /does not contain the programs postgres and initdb/,
    );
  });

  test('comes from the pinned package before PATH', () => {
    program('path/initdb');
    program('path/postgres', 'postgres (PostgreSQL) 18.1');
    program('package/native/bin/postgres');
    expect(findPostgres(search({}), () => join(folder, 'package'))).toBe(
      join(folder, 'package', 'native'),
    );
    expect(findPostgres(search({}), () => null)).toBe(folder);
  });

  test('on PATH is not used when it is too old', () => {
    program('path/initdb');
    program('path/postgres', 'postgres (PostgreSQL) 15.18');
    expect(() => findPostgres(search({}), () => null)).toThrow(/PostgreSQL for .* was not found/);
  });
});
