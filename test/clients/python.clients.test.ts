/** The Python package as a notebook gets it: a wheel in an empty environment, on the whole product. */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { perennialVersion } from '../../domain/version';
import { startProduct, type Product } from '../support/process/product';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';
import { buildPythonPackage, uv, type PythonPackage } from './python-package';

jest.setTimeout(600_000);

const root = resolve(__dirname, '..', '..');
const execute = promisify(execFile);

let folder: string;
let product: Product;
let wheel: PythonPackage;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-python-'));
  wheel = await buildPythonPackage(folder);
  product = await startProduct();
  await product.apply(
    writeTinyLifecycle(product.workDir, { name: 'visits', evaluate: lenientGates }),
  );
});

afterAll(async () => {
  await product.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('a notebook trains, compares, predicts, labels and reads rows, though the API is killed twice', async () => {
  const python = await wheel.environment('whole', '[pandas,polars,onnx,progress]');
  const child = spawn(python, [join(__dirname, 'notebook.py')], {
    cwd: folder,
    env: { ...process.env, PERENNIAL_STATE_DIR: product.stateDir, PERENNIAL_API_URL: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  let last = '';
  const killed: string[] = [];
  createInterface(child.stdout).on('line', (line) => {
    last = line;
    const stage = /^started (validate|evaluate)$/.exec(line)?.[1];
    if (stage === undefined || killed.includes(stage)) return;
    killed.push(stage);
    expect(product.kill('main.ts api')).not.toEqual([]);
  });
  const exitCode = await new Promise((settle) => child.once('close', settle));
  expect({ exitCode, errors: exitCode === 0 ? '' : errors }).toEqual({ exitCode: 0, errors: '' });
  expect(killed).toEqual(['validate', 'evaluate']);
  // The bar of tqdm.
  expect(errors).toMatch(/run_\w+: 5 stages ended, \d\d:\d\d, succeeded/);

  const versions = (client: string) => ({
    code: 'ClientIncompatible',
    message: `the client has version ${client} and the API has version ${perennialVersion}; they do not work together`,
    next: expect.stringContaining('install the client of version 0.1') as string,
  });
  expect(JSON.parse(last)).toEqual({
    repeated: true,
    slow: {
      code: 'WaitTimeout',
      message: expect.stringMatching(
        /^run_\w+ has not ended within 0.5 s; it continues$/,
      ) as string,
      next: 'wait again',
    },
    first: ['succeeded', 1, true],
    'in order': true,
    listed: true,
    differing: { C: [null, 5] },
    frame: [true, true],
    versions: ['visits@2'],
    features: { kind: 'text', x: 'number', y: 'number', xy: 'number' },
    sql: true,
    'same scores': true,
    missing: 'visits@2 needs the features kind, x, y, xy; missing: kind, y, xy',
    pandas: true,
    polars: true,
    feedback: [2, 0],
    dataset: [
      1,
      7200,
      expect.objectContaining({ seen_at: 'timestamp', kind: 'string', x: 'number' }),
    ],
    rows: [7200, 7200, true],
    files: true,
    unknown: {
      code: 'NotFound',
      message: expect.stringContaining('visitors') as string,
      next: expect.stringContaining('perennial lifecycle') as string,
    },
    'no dataset': {
      code: 'NotFound',
      message: expect.stringContaining('there is no dataset visit') as string,
      next: 'perennial dataset list',
    },
    'no alias': {
      code: 'InvalidInput',
      message: 'visits@best is not a version; use champion, challenger, previous or a number',
      next: 'perennial model show visits',
    },
    'wrong key': expect.objectContaining({ next: expect.any(String) as string }) as object,
    nowhere: {
      code: 'Unreachable',
      message: expect.stringContaining('the API at http://127.0.0.1:9 is not reachable') as string,
      next: 'perennial up',
    },
    newer: versions('0.2.0'),
    older: versions('0.0.9'),
    nothing: {
      code: 'NotConfigured',
      message: 'the address of the platform is not known',
      next: expect.stringContaining('PERENNIAL_API_URL') as string,
    },
    'found above': true,
    packages: ['onnxruntime', 'pandas', 'polars', 'tqdm'],
  });
});

test('the examples of docs/guides/python-client.md run', async () => {
  const page = readFileSync(join(root, 'docs', 'guides', 'python-client.md'), 'utf8');
  const examples = [...page.matchAll(/^```python\n([^]*?)^```$/gm)].map(([, text = '']) => text);
  expect(examples).toHaveLength(5);
  const python = join(folder, 'whole', 'bin', 'python');
  const { stdout } = await execute(python, ['-c', examples.join('\n')], {
    cwd: folder,
    env: { ...process.env, PERENNIAL_STATE_DIR: product.stateDir, PERENNIAL_API_URL: '' },
  });
  expect(stdout).toMatch(/^succeeded \d+ \[.*\nmetric auc /ms);
  expect(stdout.trim()).toMatch(
    /\n3\n\{'kind': 'text', .*\}\n\[0\.\d+\]\nNotFound perennial lifecycle.*$/s,
  );
});

test('without extras the package has one dependency, and names the extra that a call needs', async () => {
  const python = await wheel.environment('bare', '');
  const { stdout: installed } = await uv('pip', 'list', '--python', python, '--format', 'json');
  const names = (JSON.parse(installed) as { readonly name: string }[]).map(({ name }) => name);
  expect(names.sort()).toEqual(['perennial', 'urllib3']);
  const script = `
import perennial
client = perennial.connect()
calls = [
  lambda: client.load("visits"),
  lambda: client.dataset("visits.visits").pandas(),
  lambda: client.dataset("visits.visits").polars(),
  lambda: client.run(client.runs()[0].id).wait(progress=True),
]
for call in calls:
    try:
        call()
    except perennial.ApiError as error:
        print(error.code, error.next_step)
`;
  const { stdout } = await execute(python, ['-c', script], {
    env: { ...process.env, PERENNIAL_STATE_DIR: product.stateDir, PERENNIAL_API_URL: '' },
  });
  expect(stdout.trim().split('\n')).toEqual([
    expect.stringContaining('or the client with its extra [onnx]') as string,
    expect.stringContaining('or the client with its extra [pandas]') as string,
    expect.stringContaining('or the client with its extra [polars]') as string,
    expect.stringContaining('or the client with its extra [progress]') as string,
  ]);
});
