import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { packageToInstall } from '../../../apps/project/package-to-install';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'package-to-install-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, value: object): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), JSON.stringify(value));
}

function installed(resolved?: string): string {
  write('node_modules/@perennial-dev/perennial/package.json', { version: '0.1.7' });
  write('node_modules/.package-lock.json', {
    packages: {
      'node_modules/@perennial-dev/perennial': resolved === undefined ? {} : { resolved },
    },
  });
  return packageToInstall(
    join(folder, 'node_modules', '@perennial-dev', 'perennial'),
    join(folder, 'churn'),
  );
}

describe('a new project asks for', () => {
  test('the folder of the clone that made it', () => {
    expect(packageToInstall(join(folder, 'clone'), join(folder, 'churn'))).toBe('file:../clone');
  });

  test('the version that was installed from a registry', () => {
    expect(installed()).toBe('^0.1.7');
    expect(installed('https://registry.example/perennial-0.1.7.tgz')).toBe('^0.1.7');
  });

  test('the tarball that was installed', () => {
    expect(installed('file:downloads/perennial-0.1.7.tgz')).toBe(
      'file:../downloads/perennial-0.1.7.tgz',
    );
  });

  test('the version when npm has no record', () => {
    write('node_modules/@perennial-dev/perennial/package.json', { version: '0.1.7' });
    expect(
      packageToInstall(
        join(folder, 'node_modules/@perennial-dev/perennial'),
        join(folder, 'churn'),
      ),
    ).toBe('^0.1.7');
  });
});
