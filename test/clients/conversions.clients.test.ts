/** Conversions of models that the libraries themselves saved. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { conversionRequirements } from '../../domain/model/imported';
import { pythonEnvironments } from '../support/training/python-environments';

jest.setTimeout(600_000);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-conversions-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('each form in docs/guides/interop.md is converted or refused', async () => {
  const environments = pythonEnvironments(folder);
  const text = [
    conversionRequirements({ format: 'xgboost' }),
    conversionRequirements({ format: 'sklearn' }),
    'lightgbm\nskops\n',
  ].join('');
  const lock = await environments.lock({ file: 'requirements.txt', text, user: 'conversion' });
  const python = await environments.ensure(lock);
  const ran = await promisify(execFile)(python, [
    join(__dirname, 'conversions.py'),
    resolve('trainers'),
  ]).catch((error: unknown) => error as { readonly stderr: string });
  expect(ran.stderr.trimEnd()).toMatch(/Ran \d\d tests in [\d.]+s\s+OK$/);
});
