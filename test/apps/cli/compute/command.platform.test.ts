import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { cliAgainst } from '../fake-api';

// Python starts again for each test, on a machine that may be busy.
let folder: string;
let temporary: string | undefined;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-cli-'));
  temporary = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
});
afterAll(() => {
  if (temporary === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = temporary;
  rmSync(folder, { recursive: true });
});

const check = (
  settings: { readonly trainersDir?: string; readonly python?: string },
  ...args: readonly string[]
) => cliAgainst({ apiUrl: null, apiKey: null, ...settings }, ['compute', 'check', ...args]);
const made = () => readdirSync(folder).filter((name) => name.startsWith('perennial-compute-'));

describe('compute check', () => {
  test('trains a real model, prints the overhead, and leaves nothing behind', async () => {
    const { exitCode, stdout, stderr } = await check({}, 'local', '--json');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const [local, ...others] = JSON.parse(stdout) as Record<
      'readySeconds' | 'seconds' | 'processSeconds' | 'overheadSeconds',
      number
    >[];
    expect(others).toEqual([]);
    if (local === undefined) throw new Error(stdout);
    expect(local).toMatchObject({ backend: 'local', ok: true, trainer: 'baseline', rows: 200 });
    for (const part of [local.readySeconds, local.processSeconds, local.overheadSeconds])
      expect(part).toBeGreaterThan(0);
    expect(local.processSeconds + local.overheadSeconds).toBeCloseTo(local.seconds, 3);
    expect(made()).toEqual([]);
  });

  test('on a machine without Python prints where it searched and how to install it', async () => {
    const { exitCode, stdout } = await check({ python: join(folder, 'no-python') });
    expect({ exitCode, stdout }).toEqual({
      exitCode: 1,
      stdout: expect.stringMatching(
        /^failed {2}local {2}cannot start Python for trainers: .*no-python .*; npm start installs it/,
      ) as string,
    });
    expect(made()).toEqual([]);
  });

  test('of a failed job prints the reason and the end of the log', async () => {
    const trainersDir = join(folder, 'trainers');
    cpSync(resolve('trainers'), trainersDir, { recursive: true });
    writeFileSync(
      join(trainersDir, 'baseline', 'train.py'),
      'def train(job):\n    raise ValueError("the disk is made of cheese")\n',
    );
    const { exitCode, stdout } = await check({ trainersDir });
    expect({ exitCode, stdout }).toEqual({
      exitCode: 1,
      stdout: expect.stringMatching(
        /^failed {2}local {2}JobFailed: ValueError in train\.py, line 2[^]*\| ValueError: the disk is made of cheese\n$/,
      ) as string,
    });
    expect(made()).toEqual([]);
  });
});
