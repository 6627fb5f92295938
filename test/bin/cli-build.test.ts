import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '..', '..');

let folder: string;
beforeAll(() => {
  // In the clone, where its packages are found.
  mkdirSync(join(root, '.perennial', 'build'), { recursive: true });
  folder = mkdtempSync(join(root, '.perennial', 'build', 'cli-'));
  inNode(
    'await Promise.all([buildCli, buildServices, buildSql].map((build) => build(root, folder)))',
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** jest cannot import the module, which runs before anything is compiled. */
function inNode(expression: string): string {
  const code = `import { buildCli, buildServices, buildSql, currentCli, currentServices } from ${JSON.stringify(join(root, 'bin', 'cli-build.mjs'))};
    const [root, folder] = ${JSON.stringify([root, folder])};
    console.log(JSON.stringify(${expression} ?? null));`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
  }).trim();
}

/** The program without any setting. */
function bundled(...args: readonly string[]) {
  return run([join(folder, 'cli.js'), ...args]);
}

function run(args: readonly string[], input = '') {
  const { PATH } = process.env;
  const env = { PATH, NO_COLOR: '1' };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    env,
    input,
    encoding: 'utf8',
  });
  return { exitCode: status, stdout, stderr };
}

describe('the bundled command line', () => {
  test('has its version and the folder of the clone', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(bundled('--version')).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('loads native packages and the child process of SQL from the clone when a command needs them', () => {
    const { exitCode, stderr } = bundled('lifecycle', 'validate', 'samples/flight-delay');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: 'flight-delay: valid\n' });
  });

  test.each([[['--help']], [['run', 'list', '--help']], [['run', 'list']]])(
    '%j loads no package from node_modules, such as the TypeScript compiler',
    (args) => {
      const report = join(folder, 'report-packages.cjs');
      writeFileSync(
        report,
        `process.on('exit', () => {
          const loaded = Object.keys(require.cache).filter((path) => path.includes('node_modules'));
          require('node:fs').writeFileSync(${JSON.stringify(join(folder, 'packages.json'))}, JSON.stringify(loaded));
        });`,
      );
      run(['-r', report, join(folder, 'cli.js'), ...args]);
      expect(JSON.parse(readFileSync(join(folder, 'packages.json'), 'utf8'))).toEqual([]);
    },
  );

  test('gives the same usage errors as the sources', () => {
    const { exitCode, stdout, stderr } = bundled('run', 'show', 'x', '--no-such-option');
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain("unknown option '--no-such-option'");
  });

  test('is used only while its sources are unchanged', () => {
    const inputs = join(folder, 'cli.json');
    const built = readFileSync(inputs, 'utf8');
    expect(inNode('currentCli(root, folder)')).toBe(JSON.stringify(join(folder, 'cli.js')));
    const changed = { ...(JSON.parse(built) as Record<string, string>), 'apps/cli/main.ts': '0 0' };
    writeFileSync(inputs, JSON.stringify(changed));
    expect(inNode('currentCli(root, folder)')).toBe('null');
    writeFileSync(inputs, '{"apps');
    expect(inNode('currentCli(root, folder)')).toBe('null');
    writeFileSync(inputs, built);
  });
});

describe('the compiled code of a bundle', () => {
  // Node refuses `import()` in a script that it runs from stored code.
  test('is of a bundle without import()', () => {
    expect(readFileSync(join(folder, 'cli.js'), 'utf8')).not.toMatch(/[^\w.$}]import\(["'`\w]/);
  });

  const currentBundle = JSON.stringify(join(root, 'bin', 'current-bundle.cjs'));
  const storedCode = (bundle: string) =>
    readdirSync(folder).filter((name) => name.startsWith(`${bundle}.`) && name.endsWith('.code'));

  function runBundle(bundle: string, ...args: readonly string[]) {
    const path = JSON.stringify(join(folder, bundle));
    const code = `require(${currentBundle}).runBundle(${path})`;
    return run(['-e', code, path, ...args]);
  }

  test('is stored by the first command and used by the next, with the same output', () => {
    const expected = bundled('run', '--help');
    expect(runBundle('cli.js', 'run', '--help')).toEqual(expected);
    expect(storedCode('cli.js')).toHaveLength(1);
    expect(runBundle('cli.js', 'run', '--help')).toEqual(expected);
  });

  test('is not used for another bundle of the same length, nor when the file is damaged', () => {
    const write = (text: string) =>
      writeFileSync(join(folder, 'small.js'), `console.log(${JSON.stringify(text)});`);
    write('one');
    expect(runBundle('small.js').stdout).toBe('one\n');
    write('two');
    expect(runBundle('small.js').stdout).toBe('two\n');
    const codes = storedCode('small.js');
    expect(codes).toHaveLength(2);
    for (const name of codes) copyFileSync(join(folder, 'small.js'), join(folder, name));
    expect(runBundle('small.js').stdout).toBe('two\n');
  });
});

describe('the bundled services', () => {
  test.each(['gateway', 'api', 'worker'])(
    '%s starts as its sources do: without settings it names each that is missing',
    (service) => {
      const fromSources = run(['-r', 'tsx/cjs', join(root, 'workers', 'main.ts'), service]);
      expect(fromSources.stderr).toContain('PERENNIAL_DATABASE_URL');
      expect(run([join(folder, 'services.js'), service])).toEqual(fromSources);
    },
  );

  test('are used only while their sources are unchanged', () => {
    expect(inNode('currentServices(root, folder)')).toBe(
      JSON.stringify(join(folder, 'services.js')),
    );
    const inputs = JSON.parse(readFileSync(join(folder, 'services.json'), 'utf8')) as Record<
      string,
      string
    >;
    const sources = [
      'workers/gateway.ts',
      'workers/api.ts',
      'workers/worker.ts',
      'apps/gateway/server.ts',
      'package-lock.json',
    ];
    expect(Object.keys(inputs)).toEqual(expect.arrayContaining(sources));
    writeFileSync(
      join(folder, 'services.json'),
      JSON.stringify({ ...inputs, 'apps/gateway/server.ts': '0 0' }),
    );
    expect(inNode('currentServices(root, folder)')).toBe('null');
  });
});

test('the bundled process for SQL checks a query as its sources do', () => {
  const text = { sql: 'SELECT secret FROM other', file: 'sql/assemble.sql' };
  const check = { kind: 'checkAssembly', text, tables: ['flights'] };
  const input = `${JSON.stringify({ check, memoryBytes: 64e6 })}\n`;
  // Its output ends before it has read the end of its input, where it kills itself.
  const runCli = (args: readonly string[]) => run([...args, 'checks'], input).stdout;
  const expected = runCli(['-r', 'tsx/cjs', join(root, 'data', 'sql', 'user-sql-child.ts')]);
  expect(expected).toContain('ready');
  expect(runCli([join(folder, 'sql.js')])).toBe(expected);
});
