import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { pythonPath } from '../support/platform';

test('the trainers’ unit tests pass', async () => {
  const ran = await promisify(execFile)(pythonPath(), [resolve('trainers/run_tests.py')], {
    maxBuffer: 1 << 24,
  }).catch((error: unknown) => error as { readonly stderr: string });
  expect(ran.stderr.trimEnd()).toMatch(/Ran \d\d+ tests in [\d.]+s\s+OK$/);
});
