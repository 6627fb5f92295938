import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isCompatible, perennialVersion } from '../../domain/version';

const root = resolve(__dirname, '..', '..');

describe('a client and a platform', () => {
  test.each([
    ['0.1.0', '0.1.0', true],
    ['0.1.0', '0.1.9', true],
    ['0.1.9', '0.1.0', true],
    ['0.1.0', '0.2.0', false],
    ['0.2.0', '0.1.0', false],
    ['1.2.0', '1.9.3', true],
    ['1.2.0', '2.0.0', false],
    ['0.1.0', '1.1.0', false],
    ['1.0.0-rc.1', '1.0.0', true],
    ['latest', 'latest', false],
    ['', '', false],
  ])('of versions %s and %s work together: %s', (client, platform, expected) => {
    expect(isCompatible(client, platform)).toBe(expected);
  });
});

test('the npm package and the Python package have the version of the platform', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  expect(manifest.version).toBe(perennialVersion);
  expect(readFileSync(join(root, 'python', 'perennial', 'version.py'), 'utf8')).toContain(
    `\nVERSION = "${perennialVersion}"\n`,
  );
});
