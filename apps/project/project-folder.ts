/** The files of a project, and how its code is compiled. */
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';
import { failure } from '../../domain/failure';
import { packageName } from '../../domain/version';

export interface ProjectFolder {
  readonly folder: string;
  readonly config: string;
  /** Lifecycle name → file. */
  readonly lifecycles: Readonly<Record<string, string>>;
  /** Null when the project defines no stage. */
  readonly stages: string | null;
  /** Folder of generated files, which is not part of the project. */
  readonly generated: string;
}

export const configName = 'perennial.config.ts';

export function openProjectFolder(folder: string): ProjectFolder {
  const config = join(folder, configName);
  if (!existsSync(config))
    throw failure('InvalidInput', `${folder} has no ${configName}`, {
      next: 'perennial init <name> --typescript creates a project',
    });
  const lifecycles = Object.fromEntries(
    sourcesIn(join(folder, 'lifecycles')).map((path) => [toName(path), path]),
  );
  const stages = ['stages/index.ts', 'stages.ts']
    .map((path) => join(folder, path))
    .find((path) => existsSync(path));
  return {
    folder,
    config,
    lifecycles,
    stages: stages ?? null,
    generated: join(folder, '.perennial', 'project'),
  };
}

function sourcesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !/\.(test|d)\.ts$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

function toName(path: string): string {
  return (path.split('/').at(-1) ?? '').replace(/\.ts$/, '');
}

const root = resolve(__dirname, '..', '..');

/** Where each entry point of the package is, for a project that does not have it installed. */
export function sdkEntry(entry: 'index' | 'workflow', folder: string): string {
  try {
    const name = entry === 'index' ? packageName : `${packageName}/${entry}`;
    return createRequire(join(folder, 'package.json')).resolve(name);
  } catch {
    return join(root, 'sdk', `${entry}.ts`);
  }
}

/** Options of esbuild for code of a project that runs in Node. */
export function nodeBundle(folder: string): BuildOptions {
  return {
    absWorkingDir: folder,
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'silent',
    treeShaking: true,
    plugins: [sdkPlugin(folder)],
  };
}

function sdkPlugin(folder: string): Plugin {
  return {
    name: 'perennial',
    setup(build) {
      build.onResolve({ filter: new RegExp(`^${packageName}(/workflow)?$`) }, ({ path }) => ({
        path: sdkEntry(path === packageName ? 'index' : 'workflow', folder),
        sideEffects: false,
      }));
    },
  };
}
