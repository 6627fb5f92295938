import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const bin = resolve(__dirname, '..', '..', 'bin');

/** Without npm and Python in its path, a program that fetched anything would fail otherwise. */
function run(program: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(bin, program), ...args], {
    env: { PATH: '' },
    encoding: 'utf8',
  });
  return { exitCode: status, stdout, stderr };
}

describe('flags are checked before any download', () => {
  test.each([
    ['demo-llm.mjs', ['--bogus'], "Unknown option '--bogus'", 'npm run demo:llm -- [--quick]'],
    [
      'demo-llm.mjs',
      ['--once', '--keep'],
      '--once and --keep cannot be used together',
      'npm run demo:llm -- [--quick]',
    ],
    ['demo-year.mjs', ['--bogus'], "Unknown option '--bogus'", 'npm run demo:year -- [--quick]'],
    ['start.mjs', ['--bogus'], "Unknown option '--bogus'", 'npm start -- [--fresh]'],
  ])('%s %j', (program, args, error, usage) => {
    const { exitCode, stdout, stderr } = run(program, ...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(`error: ${error}`);
    expect(stderr).toContain(`next: ${usage}`);
  });

  test('demo-llm.mjs explains its flags', () => {
    const { exitCode, stdout } = run('demo-llm.mjs', '--help');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/--once +Stop after printing the table/);
  });
});
