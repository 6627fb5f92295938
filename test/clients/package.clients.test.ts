/**
 * The package as a user gets it: packed, installed into an empty folder, and tried with the
 * scaffold.
 */
import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const root = resolve(__dirname, '..', '..');
const run = promisify(execFile);
const minute = 60_000;

let folder: string;
let tarball: string;
let project: string;

/** Without the settings of jest's process, which would select the platform of the tests. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(PERENNIAL_|TEMPORAL_|AWS_|NODE_ENV|JEST_|npm_)/.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    PERENNIAL_API_PORT: '0',
    PERENNIAL_GATEWAY_PORT: '0',
  };
}

async function command(cwd: string, program: string, ...args: readonly string[]): Promise<string> {
  try {
    const { stdout, stderr } = await run(program, args, {
      cwd,
      env: environment(),
      maxBuffer: 64 * 2 ** 20,
    });
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string };
    throw new Error(`${program} ${args.join(' ')} failed\n${stdout}\n${stderr}`, { cause: error });
  }
}

async function pack(): Promise<string> {
  await command(root, 'npm', 'run', 'pack', '--', '--pack-destination', folder);
  const [packed] = readdirSync(folder);
  return join(folder, packed ?? '');
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-package-'));
  tarball = process.env.PERENNIAL_TEST_PACKAGE ?? (await pack());
  const tools = join(folder, 'tools');
  mkdirSync(tools);
  writeFileSync(join(tools, 'package.json'), '{"private":true}');
  // As docs/authoring.md says. The .npmrc of the scaffold says it for the project.
  await command(tools, 'npm', 'install', '--prefer-offline', '--ignore-scripts', tarball);
  await command(tools, 'npx', 'perennial', 'init', 'churn', '--typescript');
  project = join(tools, 'churn');
  await command(project, 'npm', 'install', '--prefer-offline');
  // What `perennial up` would download.
  const cache = join(project, 'node_modules', '@perennial-dev', 'perennial', '.perennial');
  mkdirSync(cache);
  for (const part of ['bin', 'python', 'samples'])
    symlinkSync(join(root, '.perennial', part), join(cache, part));
}, 15 * minute);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the package holds no tests, benchmarks or data of this clone', async () => {
  const files = (await command(folder, 'tar', 'tzf', tarball)).trim().split('\n');
  for (const entry of ['index', 'workflow', 'testing', 'client'])
    expect(files).toEqual(
      expect.arrayContaining([`package/dist/${entry}.js`, `package/dist/types/sdk/${entry}.d.ts`]),
    );
  // Without it, each command would compile its sources.
  expect(files).toContain('package/dist/cli.js');
  expect(files).toContain('package/db/migrations/meta/_journal.json');
  expect(files).toContain('package/trainers/runtime/run.py');
  expect(files).toContain('package/sdk/template/data/customers.csv');
  const unwanted = /^package\/(test|bench|scripts|\.perennial|node_modules)\/|__pycache__|\.log$/;
  expect(files.filter((file) => unwanted.test(file))).toEqual([]);
});

test('the entry for workflows needs no zod and no module of Node', () => {
  const code = readFileSync(
    join(project, 'node_modules/@perennial-dev/perennial/dist/workflow.js'),
    'utf8',
  );
  const required = [...code.matchAll(/require\(["']([^"']+)["']\)/g)].map(([, name = '']) => name);
  expect([...new Set(required)].sort()).toEqual(['@temporalio/common', '@temporalio/workflow']);
});

test(
  'the test of the scaffold passes: it type-checks, starts the platform and promotes a model',
  async () => {
    const output = await command(project, 'npm', 'test');
    expect(output).toMatch(/# pass 1\b/);
    expect(output).toMatch(/# fail 0\b/);
  },
  15 * minute,
);

test(
  'the client is typed, and names an API that does not respond',
  async () => {
    const program = join(project, 'client.ts');
    writeFileSync(
      program,
      `import { ApiError, createClient } from '@perennial-dev/perennial/client';

const client = createClient({ url: 'http://127.0.0.1:9', key: 'pk_test' });
client.runs.wait('run_1', { timeout: '1m', onEvent: ({ seq }) => seq.toFixed(0) }).catch(() => 0);
client.runs.start('churn', { params: { region: 'north' } }).then(
  ({ status }) => status satisfies string,
  (error: unknown) => {
    if (error instanceof ApiError) console.log(error.code, error.message);
    process.exit();
  },
);
`,
    );
    try {
      await command(project, 'npm', 'run', 'types');
      const output = await command(project, 'node', '--import', 'tsx', 'client.ts');
      const module = `import { createClient } from '@perennial-dev/perennial/client'; console.log(typeof createClient)`;
      const printed = await command(project, 'node', '--input-type=module', '-e', module);
      expect(printed.trim()).toBe('function');
      expect(output).toMatch(/^Unreachable the API at http:\/\/127\.0\.0\.1:9 is not reachable/);
    } finally {
      rmSync(program);
    }
  },
  5 * minute,
);

test(
  'a call of an undeclared stage does not compile',
  async () => {
    const file = join(project, 'lifecycles', 'churn.ts');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace("run.stage('select_customers'", "run.stage('select_orders'"));
    try {
      await expect(command(project, 'npm', 'run', 'types')).rejects.toThrow(
        /lifecycles\/churn\.ts\(16,36\): error TS2345: .*"select_orders"/,
      );
    } finally {
      writeFileSync(file, text);
    }
  },
  5 * minute,
);
