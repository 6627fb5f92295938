import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '..', '..');

interface Unit {
  readonly id: string;
  readonly tier: string;
}

/** jest cannot import these modules, which run before anything is compiled. */
function inNode(module: string, names: string, expression: string): unknown {
  const code = `import { ${names} } from ${JSON.stringify(join(root, 'bin', 'ci', module))};
    console.log(JSON.stringify(${expression}));`;
  const node = ['--input-type=module', '-e', code];
  return JSON.parse(execFileSync(process.execPath, node, { encoding: 'utf8' })) as unknown;
}

const units = inNode(
  'tiers.mjs',
  'listUnits, isEssential',
  `listUnits(${JSON.stringify(root)}).map((unit) => ({ ...unit, isEssential: isEssential(unit) }))`,
) as (Unit & { readonly isEssential: boolean })[];
const shards = inNode(
  'shards.mjs',
  'listShard, shardCount',
  `Array.from({ length: shardCount }, (_, shard) => listShard(${JSON.stringify(root)}, shard))`,
) as Unit[][];
const table = inNode('shards.mjs', 'readTable', `readTable(${JSON.stringify(root)})`) as Record<
  string,
  unknown
>;

describe('what CI runs', () => {
  test('eight shards have every test file, and every tier of jest, exactly once', () => {
    const all = [...units.filter((unit) => unit.isEssential), ...shards.flat()];
    const ids = all.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(units.map(({ id }) => id));

    const files = execFileSync('find', ['test', '-name', '*.test.ts'], { cwd: root })
      .toString()
      .trim()
      .split('\n');
    expect(files.filter((file) => !ids.includes(file))).toEqual([]);
    const { projects } = jest.requireActual<{ projects: { displayName: string }[] }>(
      '../../jest.config.cjs',
    );
    const tiers = new Set(all.map(({ tier }) => tier));
    tiers.delete('commands');
    expect([...tiers].sort()).toEqual(projects.map((project) => project.displayName).sort());
  });

  test('every shard has the pure and the platform tests and a start of the product', () => {
    const essential = units.filter((unit) => unit.isEssential).map(({ id }) => id);
    expect(essential).toContain('test/bin/ci.test.ts');
    expect(essential).toContain('test/db/migrate.platform.test.ts');
    for (const name of ['start', 'spine', 'canary', 'language', 'own-lifecycle', 'monitor'])
      expect(essential).toContain(`test/e2e/${name}.e2e.test.ts`);
    expect(essential).toContain('test/apps/web/pages.web.test.ts');
    expect(essential).toContain('test/clients/package.clients.test.ts');
  });

  test('the table of seconds names only tests that exist, and is not needed by every run', () => {
    const known = new Set(units.filter((unit) => !unit.isEssential).map(({ id }) => id));
    const gone = Object.keys(table).filter((id) => !known.has(id));
    // `npm run test:shards` removes them from the table.
    expect(gone).toEqual([]);
  });

  test('no shard takes more than half as long again as the others', () => {
    const minutes = inNode(
      'shards.mjs',
      'listShard, readTable, estimateMinutes, shardCount',
      `Array.from({ length: shardCount }, (_, shard) =>
        estimateMinutes(listShard(${JSON.stringify(root)}, shard), ${JSON.stringify(table)}))`,
    ) as number[];
    const mean = minutes.reduce((sum, each) => sum + each, 0) / minutes.length;
    expect(Math.max(...minutes)).toBeLessThan(mean * 1.5);
  });

  test('an unknown shard is refused before anything is installed', () => {
    const { status, stderr } = spawnSync(process.execPath, ['bin/ci.mjs', '--shard', '8'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(status).toBe(2);
    expect(stderr).toContain('error: --shard takes a number from 0 to 7');
  });
});

describe('the shard of a landing', () => {
  const minute = 60;
  let folder: string;
  let now: number;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'perennial-landings-'));
    now = 1_700_000_000;
    git('init', '-q');
    commit();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function git(...args: readonly string[]): void {
    const date = `${now} +0000`;
    const env = { ...process.env, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
    const author = ['-c', 'user.name=t', '-c', 'user.email=t@example.com'];
    execFileSync('git', [...author, ...args], { cwd: folder, env });
  }

  function commit(secondsLater = 0): void {
    now += secondsLater;
    git('commit', '-q', '--allow-empty', '-m', 'a change');
  }

  const chooseShard = (): number =>
    inNode('shards.mjs', 'chooseShard', `chooseShard(${JSON.stringify(folder)})`) as number;

  test('stays the same until there is a pause of 45 minutes', () => {
    const first = chooseShard();
    for (const later of [1, 30 * minute, 45 * minute - 1]) commit(later);
    expect(chooseShard()).toBe(first);
    commit(45 * minute);
    expect(chooseShard()).toBe((first + 1) % 8);
  });

  test('is another one for each of eight landings with a pause between them', () => {
    const chosen = Array.from({ length: 8 }, (_, landing) => {
      commit((60 + landing * 17) * minute);
      for (let more = 0; more < (landing * 5) % 4; more += 1) commit(10 * minute);
      return chooseShard();
    });
    expect([...chosen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe('a check without tests', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'perennial-checks-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('that fails counts as one failure, prints its output, and lets the others run', () => {
    const scripts = {
      lint: 'echo "lint/no-such-rule in a.ts"; exit 3',
      types: 'echo fine',
      format: 'touch formatted',
    };
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ scripts }));
    const code = `import { runChecks } from ${JSON.stringify(join(root, 'bin/ci/static.mjs'))};
      const outcomes = await runChecks(${JSON.stringify(folder)}, ['lint', 'types', 'format']);
      console.log(JSON.stringify(outcomes));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
    });
    const outcomes = JSON.parse(stdout) as Record<string, unknown>[];
    expect(outcomes).toMatchObject([
      { name: 'lint', passed: 0, failed: 1 },
      { name: 'types', passed: 1, failed: 0 },
      { name: 'format', passed: 1, failed: 0 },
    ]);
    expect(stderr).toMatch(/FAILED {2}npm run lint {2}\d+ s\n/);
    expect(stderr).toContain('lint/no-such-rule in a.ts');
    expect(stderr).not.toContain('fine');
    expect(outcomes[0]?.failures).toEqual([
      { name: 'npm run lint', message: 'lint/no-such-rule in a.ts' },
    ]);
    expect(existsSync(join(folder, 'formatted'))).toBe(true);
  });
});

describe('the list of failures at the end of the output', () => {
  const describeAll = (results: unknown, ...more: readonly unknown[]): string[] =>
    inNode(
      'failures.mjs',
      'describeFailures, readFailures',
      `describeFailures('failed', readFailures('/clone', ${JSON.stringify(results)}),
        ...${JSON.stringify(more)})`,
    ) as string[];
  const red = '\u001B[31m';
  const failedTest = (title: string, message: string) => ({
    status: 'failed',
    ancestorTitles: ['the register'],
    title,
    failureMessages: [message],
  });
  const passedTest = { ...failedTest('counts', ''), status: 'passed' };

  test('names each failed test with the first line of its message and the values', () => {
    const message = `Error: ${red}expect(received)\n\nExpected: ${red}2\nReceived: 3\n    at a.ts`;
    const lines = describeAll([
      { name: '/clone/test/ok.test.ts', status: 'passed', assertionResults: [passedTest] },
      {
        name: '/clone/test/a.test.ts',
        status: 'failed',
        assertionResults: [passedTest, failedTest('adds', message)],
      },
    ]);
    expect(lines).toEqual([
      'failed:',
      '  test/a.test.ts › the register › adds',
      '      Error: expect(received); Expected: 2; Received: 3',
    ]);
  });

  test('names a file that did not load', () => {
    const message =
      "  ● Test suite failed to run\n\n    Cannot find module './gone'\n\n    Require";
    const result = { status: 'failed', message, assertionResults: [] };
    expect(describeAll([{ ...result, name: '/clone/test/b.test.ts' }])).toEqual([
      'failed:',
      '  test/b.test.ts',
      "      Cannot find module './gone'",
    ]);
  });

  test('stays short and says how many are left', () => {
    const many = Array.from({ length: 30 }, (_, index) =>
      failedTest(`case ${index}`, 'x'.repeat(1000)),
    );
    const file = { name: '/clone/test/c.test.ts', status: 'failed', assertionResults: many };
    const lines = describeAll([file]);
    expect(lines).toHaveLength(38);
    expect(lines.at(-1)).toBe('  and 12 more');
    expect(Math.max(...lines.map((line) => line.length))).toBe(200);
    expect(describeAll([])).toEqual([]);
  });
});

describe('npm run test:all', () => {
  const [passed, failing, older, never] = ['passed', 'failing', 'older', 'never'].map(
    (name) => `test/${name}.test.ts`,
  );
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'perennial-all-'));
    cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
    mkdirSync(join(folder, 'test'));
    for (const file of [passed, failing, older, never]) writeFileSync(join(folder, file ?? ''), '');
    mkdirSync(join(folder, '.perennial'));
    writeFileSync(join(folder, '.perennial/test-all.json'), '{"startedAt":1000}');
    const records = [
      { id: older, at: 999, commit: 'a', seconds: 1, passed: 7, failed: 0 },
      { id: passed, at: 1001, commit: 'a', seconds: 1, passed: 3, failed: 0 },
      { id: failing, at: 1002, commit: 'a', seconds: 1, passed: 2, failed: 1 },
    ];
    const lines = records.map((record) => `${JSON.stringify(record)}\n`).join('');
    writeFileSync(join(folder, '.perennial/tests.jsonl'), lines);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function list(...flags: readonly string[]) {
    const program = join(folder, 'bin', 'test-all.mjs');
    const { stdout, stderr } = spawnSync(process.execPath, [program, '--left', ...flags], {
      encoding: 'utf8',
    });
    const read = (title: string) =>
      stderr
        .split('\n')
        .flatMap((line) => new RegExp(`^${title}: (test/.*)`).exec(line)?.[1] ?? []);
    return { stdout, stderr, left: read('left'), failed: read('failed') };
  }

  test('goes on where it was interrupted', () => {
    const { stdout, stderr, left, failed } = list();
    // The files of several machines are named, though this folder has none of them.
    expect(left.filter((file) => !file.includes('/e2e/'))).toEqual([never, older]);
    expect(failed).toEqual([failing]);
    expect(stderr).toContain('2 finished units ran on another commit');
    expect(stdout).toBe('5 passed, 1 failed\n');
  });

  test('starts over with --fresh', () => {
    const { stdout, left, failed } = list('--fresh');
    expect(left).toEqual(expect.arrayContaining([passed, failing, older, never]));
    expect(failed).toEqual([]);
    expect(stdout).toBe('0 passed, 0 failed\n');
  });

  test('says which tests cannot run here and why', () => {
    const program = join(folder, 'bin', 'test-all.mjs');
    writeFileSync(join(folder, 'test', 'page.web.test.ts'), '');
    const { stderr } = spawnSync(process.execPath, [program, '--left'], {
      encoding: 'utf8',
      env: { ...process.env, PERENNIAL_TEST_CHROMIUM: join(folder, 'none') },
    });
    expect(stderr).toMatch(/cannot run here: 1 of web: no Chromium was found; install it/);
    expect(stderr).not.toContain('left: test/page.web.test.ts');
  });
});
