/** Folders of TypeScript projects for tests. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { PythonMachine } from '../../../apps/project/python-steps';
import { scaffoldFiles } from '../../../apps/project/scaffold';

/** The scaffold of the project `churn`, with the given files in place of its own. */
export function writeProject(changed: Readonly<Record<string, string | null>> = {}): string {
  return writeFiles({ ...scaffoldFiles({ name: 'churn', perennial: '^0.1.0' }), ...changed });
}

/** A new folder with these files. */
export function writeFiles(files: Readonly<Record<string, string | null>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-project-'));
  for (const [path, text] of Object.entries(files)) {
    if (text === null) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

export function removeProject(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** For projects without Python steps, which start no Python. */
export const noPython: PythonMachine = {
  python: '/no/python',
  runtimeDir: '/no/runtime',
  folder: '/no/environments',
};
