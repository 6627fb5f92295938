import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { CliResult } from '../fake-api';
import { cliAgainst } from '../fake-api';

type Settings = Omit<Parameters<typeof cliAgainst>[0], 'apiUrl' | 'apiKey'>;

/** These commands use this machine and need no API. */
const compute = (settings: Settings, ...args: readonly string[]): Promise<CliResult> =>
  cliAgainst({ apiUrl: null, apiKey: null, ...settings }, ['compute', ...args]);

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'perennial-cli-'))));
afterAll(() => rmSync(folder, { recursive: true }));

describe('compute list', () => {
  test('prints the configured slots, the machine, its trainers and a missing Python', async () => {
    const { exitCode, stdout } = await compute(
      { maxJobs: '3', python: join(folder, 'python') },
      'list',
      '--json',
    );
    expect(exitCode).toBe(0);
    const [local, ...others] = JSON.parse(stdout) as { memoryBytes: number }[];
    expect(others).toEqual([]);
    expect(local).toMatchObject({
      backend: 'local',
      slots: 3,
      cpus: availableParallelism(),
      python: { path: join(folder, 'python'), version: null },
      trainers: expect.arrayContaining(['baseline', 'lightgbm', 'logistic']) as string[],
    });
    expect(local?.memoryBytes).toBeGreaterThan(0);
    expect(local?.memoryBytes).toBeLessThanOrEqual(totalmem());
  });

  test('prints one line per backend', async () => {
    const { stdout } = await compute({ python: process.execPath }, 'list');
    expect(stdout).toMatch(
      /^BACKEND +STATE +PRICE +RESOURCES\nlocal +ready +none +2 jobs at once, \d+ CPUs, [\d.]+ GiB, Python \S+ \(.*node\); trainers baseline, /,
    );
  });
});

describe('compute', () => {
  test.each([
    [
      'a misspelt name',
      {},
      ['check', 'locla'],
      /unknown compute backend locla; available: local; did you mean local\?[^]*next: .*compute list/,
    ],
    [
      'an unknown name',
      {},
      ['check', 'spaceship'],
      /unknown compute backend spaceship; available: local\n/,
    ],
    [
      'an engine without a namespace',
      {},
      ['check', 'kubernetes'],
      /compute backend kubernetes is not configured here[^]*PERENNIAL_KUBERNETES_NAMESPACE/,
    ],
    [
      'an engine that is not configured',
      {},
      ['check', 'ray'],
      /compute backend ray is not configured here; configured: local[^]*PERENNIAL_RAY_URL/,
    ],
    ['an invalid setting', { maxJobs: 'many' }, ['list'], /PERENNIAL_MAX_JOBS: /],
    ['an unknown command', {}, ['chek'], /unknown command 'chek'[^]*check/],
  ])('refuses %s with exit 2', async (_, settings, args, message) => {
    expect(await compute(settings, ...args)).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringMatching(message) as string,
    });
  });

  test.each([
    [
      'no folder',
      'nowhere',
      /the folder of trainers not found in .*nowhere\n.*PERENNIAL_TRAINERS_DIR/,
    ],
    ['no baseline', '.', /trainer baseline, which backend checks use, not found in /],
  ])('check names a missing trainer (%s) and exits with 1', async (_, name, message) => {
    const result = await compute({ trainersDir: join(folder, name) }, 'check');
    expect(result).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringMatching(message) as string,
    });
  });
});
