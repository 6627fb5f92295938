import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeBadTrainers } from '../../../support/training/bad-trainers';
import { cliAgainst } from '../fake-api';

let folder: string;
let trainersDir: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-trainers-'));
  trainersDir = writeBadTrainers(join(folder, 'trainers'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const trainer = (...args: readonly string[]) =>
  cliAgainst({ apiUrl: null, apiKey: null, cwd: folder, trainersDir }, ['trainer', ...args]);

function write(name: string, files: Readonly<Record<string, string>>): void {
  for (const [file, text] of Object.entries(files))
    writeFileSync(join(trainersDir, name, file), text);
}

describe('trainer init', () => {
  test('writes a trainer that passes every check for each of its tasks', async () => {
    const made = await trainer('init', 'mine');
    expect(made).toMatchObject({ exitCode: 0, stdout: '' });
    expect(made.stderr).toMatch(
      /wrote trainers\/mine\/train\.py[^]*next: .*perennial trainer test mine/,
    );
    const { exitCode, stdout, stderr } = await trainer('test', 'mine', '--rows', '1000');
    expect({ exitCode, stdout, stderr }).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('mine meets the job contract') as string,
    });
    expect(stdout).not.toContain('FAIL');
    for (const task of ['classification', 'regression']) expect(stdout).toContain(task);
    for (const what of [
      'trains',
      'result.json',
      'model.onnx',
      'scores',
      'agrees offline',
      'deterministic',
    ])
      expect(stdout.match(new RegExp(`pass  ${what} `, 'g'))).toHaveLength(2);
    // The label depends on these columns, so a working trainer predicts it.
    expect(Number(/auc ([\d.]+)/.exec(stdout)?.[1])).toBeGreaterThan(0.7);
    expect(Number(/r2 ([\d.]+)/.exec(stdout)?.[1])).toBeGreaterThan(0.5);
  });

  test('writes a network in PyTorch under its new name, without the tests of the original', async () => {
    const made = await trainer('init', 'net', '--template', 'torch');
    expect(made).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(
        /wrote trainers\/net\/model\.py[^]*edit its model\.py/,
      ) as string,
    });
    expect(made.stderr).not.toMatch(/test_|__pycache__/);
    expect(readFileSync(join(trainersDir, 'net', 'trainer.yaml'), 'utf8')).toMatch(/^name: net$/m);
  });

  test('names the known templates for another one', async () => {
    const { exitCode, stderr } = await trainer('init', 'net2', '--template', 'jax');
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining('linear, torch') as string,
    });
  });

  test.each([
    ['an existing trainer', 'lightgbm', /lightgbm already exists; nothing was written/],
    ['the runtime', 'runtime', /runtime already exists/],
    [
      'a name that leaves the folder',
      '../elsewhere',
      /"\.\.\/elsewhere" is not allowed as a trainer name/,
    ],
    ['capitals', 'Mine', /is not allowed as a trainer name; expected lower-case/],
  ])('does not overwrite %s', async (_, name, message) => {
    const { exitCode, stderr } = await trainer('init', name);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringMatching(message) as string,
    });
  });
});

describe('trainer test', () => {
  test.each([
    ['no-result', /FAIL {2}result\.json +exit code 0, but no result\.json\n[^]*done, really/],
    ['exits-one', /FAIL {2}trains +ended with exit code 1[^]*the moon is wrong/],
    ['raises', /FAIL {2}trains +ended with exit code 1[^]*ZeroDivisionError/],
    ['hangs', /FAIL {2}trains +stopped after the time limit of 5 s/],
  ])('names the failed check of a trainer that %s, and exits 1', async (name, message) => {
    const { exitCode, stdout, stderr } = await trainer(
      'test',
      name,
      '--rows',
      '200',
      '--timeout',
      name === 'hangs' ? '5' : '60',
    );
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: `${name} violates the job contract\n`,
    });
    expect(stdout).toMatch(message);
  });

  test('detects models that differ each time and graphs that differ from the trained model', async () => {
    await trainer('init', 'moody');
    const code = readFileSync(join(trainersDir, 'moody', 'train.py'), 'utf8');
    write('moody', {
      'train.py': code.replace(
        'centre = np.array',
        'import os\n    centre = int.from_bytes(os.urandom(2), "big") * 1e-6 + np.array',
      ),
    });
    expect(await trainer('test', 'moody', '--rows', '200')).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(
        /FAIL {2}deterministic +two trainings with the same seed give different graphs/,
      ) as string,
    });
    write('moody', { 'train.py': code.replace('"Sigmoid", [score]', '"Relu", [score]') });
    expect(await trainer('test', 'moody', '--rows', '200')).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(
        /FAIL {2}trains[^]*the exported graph differs from the trained model/,
      ) as string,
    });
  });

  test('checks a program in another language as far as possible', async () => {
    await trainer('init', 'foreign');
    const manifest =
      'name: foreign\ndescription: A program.\ntasks: [regression]\ncommand: [python, ./go.py]\nparams: { type: object }\n';
    // A program sees only the folder of its job. This one runs the baseline trainer.
    const program = [
      'import pathlib, subprocess, sys',
      `trainers = pathlib.Path(${JSON.stringify(trainersDir)})`,
      'sys.exit(subprocess.call([sys.executable, trainers / "runtime" / "run.py", trainers / "baseline", sys.argv[1]]))',
    ];
    rmSync(join(trainersDir, 'foreign', 'train.py'));
    write('foreign', {
      'trainer.yaml': manifest.replace('./go.py', join(trainersDir, 'foreign', 'go.py')),
      'go.py': `${program.join('\n')}\n`,
    });
    const { exitCode, stdout } = await trainer('test', 'foreign', '--rows', '200');
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: expect.stringMatching(/n\/a {3}agrees offline +not a Python trainer/) as string,
    });
    expect(stdout).toMatch(/pass {2}deterministic/);
  });

  test.each([
    [['nosuch'], /unknown trainer nosuch; available:/],
    [['lightgmb'], /did you mean lightgbm\?/],
    [
      ['lightgbm', '--param', 'num_leavs=3'],
      /num_leavs: no such parameter.*did you mean num_leaves\?/,
    ],
    [
      ['lightgbm', '--rows', 'many'],
      /option '--rows <n>' argument 'many' is invalid\. Expected a whole number from 200/,
    ],
  ])('%j is a usage error, and nothing runs', async (args, message) => {
    const { exitCode, stderr } = await trainer('test', ...args);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringMatching(message) as string,
    });
  });
});
