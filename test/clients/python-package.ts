/** The Python package as a user installs it: a wheel in an environment of its own. */
import { execFile } from 'node:child_process';
import { cpSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const root = resolve(__dirname, '..', '..');

export const uv = (...args: readonly string[]) =>
  promisify(execFile)(join(root, '.perennial', 'bin', 'uv'), args);

export interface PythonPackage {
  /** Makes an environment with the wheel and these extras. Returns its Python. */
  environment(name: string, extras: string): Promise<string>;
}

/** Builds the wheel in an empty folder. */
export async function buildPythonPackage(folder: string): Promise<PythonPackage> {
  // A build leaves files beside its sources.
  cpSync(join(root, 'python'), join(folder, 'source'), { recursive: true });
  const wheels = join(folder, 'wheel');
  await uv('build', '--quiet', '--wheel', join(folder, 'source'), '--out-dir', wheels);
  const [wheel = ''] = readdirSync(wheels).filter((each) => each.endsWith('.whl'));
  return {
    async environment(name, extras) {
      const python = join(folder, name, 'bin', 'python');
      const base = join(root, '.perennial', 'python', 'bin', 'python');
      await uv('venv', '--quiet', '--python', base, join(folder, name));
      const requirement = `perennial${extras} @ file://${join(wheels, wheel)}`;
      await uv('pip', 'install', '--quiet', '--python', python, requirement);
      return python;
    },
  };
}
