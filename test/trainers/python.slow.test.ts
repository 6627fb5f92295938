import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { pythonPath } from '../support/platform';
import { stepProject } from '../support/project-steps';

test.each([
  ['the trainers’ unit tests pass', '-test_kills', /Ran \d\d+ tests in [\d.]+s\s+OK$/],
  ['trainings survive random kills', 'test_kills', /Ran 4 tests in [\d.]+s\s+OK$/],
])('%s', async (_, wanted, passed) => {
  const arguments_ = [resolve('trainers/run_tests.py'), wanted];
  const ran = await promisify(execFile)(pythonPath(), arguments_, { maxBuffer: 1 << 24 }).catch(
    (error: unknown) => error as { readonly stderr: string },
  );
  expect(ran.stderr.trimEnd()).toMatch(passed);
});

test('the unit tests of a project with steps run without a platform', async () => {
  const ran = await promisify(execFile)(pythonPath(), ['-m', 'unittest', 'test_score'], {
    cwd: stepProject,
    env: { PATH: process.env['PATH'], PYTHONPATH: resolve('python'), PYTHONDONTWRITEBYTECODE: '1' },
  }).catch((error: unknown) => error as { readonly stderr: string });
  expect(ran.stderr.trimEnd()).toMatch(/Ran 1 test in [\d.]+s\s+OK$/);
});
