import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stepCodeDigest, stepFilePaths } from '../../../data/project/step-files';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'perennial-files-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, text = ''): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

test('steps get the files of steps/ and the Python files of the project', () => {
  for (const path of [
    'steps/score.py',
    'steps/data/weights.json',
    'lib/words.py',
    'setup.py',
    'lifecycles/churn.ts',
    'requirements.txt',
    'node_modules/tool/gyp.py',
    '.git/hook.py',
    'env/pyvenv.cfg',
    'env/lib/site.py',
    'steps/__pycache__/score.pyc',
  ])
    write(path);
  expect(stepFilePaths(folder)).toEqual([
    'lib/words.py',
    'setup.py',
    'steps/data/weights.json',
    'steps/score.py',
  ]);
});

test('the digest changes with the content and the name of a file', () => {
  write('steps/score.py', 'a = 1\n');
  const digest = () => stepCodeDigest(folder, stepFilePaths(folder));
  const first = digest();
  write('steps/score.py', 'a = 2\n');
  const second = digest();
  write('steps/other.py', '');
  expect(new Set([first, second, digest()]).size).toBe(3);
  rmSync(join(folder, 'steps', 'other.py'));
  write('steps/score.py', 'a = 1\n');
  expect(digest()).toBe(first);
});
