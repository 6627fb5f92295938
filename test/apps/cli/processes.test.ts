import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '..', '..', '..');

/** The program without any setting. */
function perennial(...args: readonly string[]) {
  const { PATH } = process.env;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'bin', 'perennial.mjs'), ...args],
    {
      cwd: root,
      env: { PATH, NO_COLOR: '1' },
      encoding: 'utf8',
    },
  );
  return { exitCode: status, stdout, stderr };
}

describe('a platform process', () => {
  test.each([
    ['worker', /--queue <name\.\.\.>/],
    ['api', /Usage: perennial api/],
    ['gateway', /Usage: perennial gateway/],
    ['setup', /Usage: perennial setup/],
  ])('%s --help describes it and needs no setting', (command, usage) => {
    const { exitCode, stdout, stderr } = perennial(command, '--help');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(usage);
    expect(stdout).toContain('docs/reference/settings.md');
  });

  test.each([
    [['worker', '--queue', 'dta'], /unknown queue dta; the queues are orchestrator, data, compute/],
    [['worker', '--quue', 'data'], /takes only --queue/],
    [['api', '--port', '1'], /takes no arguments, but got --port 1/],
  ])('%j is a usage error before any setting is read', (args, message) => {
    expect(perennial(...args)).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringMatching(message) as string,
    });
  });

  test('without its settings lists all missing ones', () => {
    const { exitCode, stderr } = perennial('api');
    expect(exitCode).toBe(2);
    for (const name of [
      'PERENNIAL_TEMPORAL_ADDRESS',
      'PERENNIAL_DATABASE_URL',
      'PERENNIAL_S3_ENDPOINT',
      'AWS_ACCESS_KEY_ID',
    ])
      expect(stderr).toContain(`${name}: is missing`);
    expect(stderr).toContain('next: ');
  });
});
