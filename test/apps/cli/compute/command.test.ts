import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { CliResult } from '../fake-api';
import { cliAgainst } from '../fake-api';

type Settings = Omit<Parameters<typeof cliAgainst>[0], 'apiUrl' | 'apiKey'>;

/** No API: these commands ask the machine. */
const compute = (settings: Settings, ...args: readonly string[]): Promise<CliResult> =>
  cliAgainst({ apiUrl: null, apiKey: null, ...settings }, ['compute', ...args]);

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'perennial-cli-'))));
afterAll(() => rmSync(folder, { recursive: true }));

describe('compute list', () => {
  test('has the slots that are set, the machine, its trainers, and a Python that is none', async () => {
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

  test('reads as one line a backend', async () => {
    const { stdout } = await compute({ python: process.execPath }, 'list');
    expect(stdout).toMatch(
      /^BACKEND +SLOTS +CPUS +MEMORY +PYTHON +TRAINERS\nlocal +2 +\d+ +[\d.]+ GiB +\S+ \(.*node\) +baseline, lightgbm, /,
    );
  });
});

describe('compute', () => {
  test.each([
    [
      'a name that is nearly one',
      {},
      ['check', 'locla'],
      /unknown compute backend locla; available: local; did you mean local\?[^]*next: .*compute list/,
    ],
    [
      'a name that is none',
      {},
      ['check', 'spaceship'],
      /unknown compute backend spaceship; available: local\n/,
    ],
    [
      'a later backend',
      {},
      ['check', 'ray'],
      /compute backend ray is not available in this version; available: local/,
    ],
    ['a setting that is wrong', { maxJobs: 'many' }, ['list'], /PERENNIAL_MAX_JOBS: /],
    ['a verb that is none', {}, ['chek'], /unknown command 'chek'[^]*check/],
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
  ])(
    'check with trainers that are missing (%s) says which, and exits 1',
    async (_, name, message) => {
      const result = await compute({ trainersDir: join(folder, name) }, 'check');
      expect(result).toEqual({
        exitCode: 1,
        stdout: '',
        stderr: expect.stringMatching(message) as string,
      });
    },
  );
});
