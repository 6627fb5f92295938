import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRequirements } from '../../../data/project/requirements';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'perennial-requirements-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const project = '[project]\nname = "churn"\ndependencies = ["numpy"]\n';

test.each([
  ['nothing', {}, null],
  ['only settings of tools', { 'pyproject.toml': '[tool.ruff]\nline-length = 100\n' }, null],
  ['a project', { 'pyproject.toml': project }, 'pyproject.toml'],
  [
    'both, of which the list counts',
    { 'pyproject.toml': project, 'requirements.txt': 'numpy\n' },
    'requirements.txt',
  ],
])('a folder with %s', (_, files, expected) => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  expect(projectRequirements(folder)?.file ?? null).toBe(expected);
});
