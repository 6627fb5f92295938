import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RequirementsFile } from '../training/python-environments';

/**
 * The packages that a project's steps need: of `requirements.txt`, else of a `pyproject.toml` with
 * a [project]. Null without either; a pyproject.toml may have only settings of tools.
 */
export function projectRequirements(folder: string): RequirementsFile | null {
  const text = (file: string) =>
    existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8') : null;
  const listed = text('requirements.txt');
  if (listed !== null) return { file: 'requirements.txt', text: listed, user: 'step' };
  const project = text('pyproject.toml');
  if (project === null || !/^\[project\]/m.test(project)) return null;
  return { file: 'pyproject.toml', text: project, user: 'step' };
}
