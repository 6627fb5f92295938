import { existsSync, readFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { packageName } from '../../domain/version';

/**
 * What the package.json of a new project names to get this Perennial: the version of an installed
 * package, or `file:` with the tarball from which it was installed, or with the folder of a clone.
 */
export function packageToInstall(root: string, project: string): string {
  // The package has a scope, which is a folder in `node_modules`.
  const modules = resolve(root, '..', '..');
  if (basename(modules) !== 'node_modules') return `file:${relative(project, root)}`;
  const tarball = findTarball(modules);
  if (tarball !== null) return `file:${relative(project, tarball)}`;
  const { version } = readJson(join(root, 'package.json')) as { readonly version: string };
  return `^${version}`;
}

/** npm records in `node_modules` where each package comes from. */
function findTarball(modules: string): string | null {
  const record = join(modules, '.package-lock.json');
  if (!existsSync(record)) return null;
  const { packages } = readJson(record) as {
    readonly packages?: Readonly<Record<string, { readonly resolved?: string }>>;
  };
  const from = packages?.[`node_modules/${packageName}`]?.resolved ?? '';
  return /^file:.*\.tgz$/.test(from) ? resolve(modules, '..', from.slice('file:'.length)) : null;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
