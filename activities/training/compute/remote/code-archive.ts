import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Job } from '../../../../domain/training/job';

export interface CodeFolders {
  readonly trainersDir: string;
  /** The job runtime, `runtime` in the trainers. */
  readonly runtimeDir: string;
  /** Folder with the Python package `perennial`. */
  readonly packageDir: string;
}

/**
 * The Python code that runs a job on another machine, as gzipped JSON of paths and base64. The same
 * code gives the same bytes.
 */
export function codeArchive(folders: CodeFolders, job: Job): Buffer {
  const files = new Map<string, string>();
  const add = (from: string, to: string): void => {
    for (const entry of readdirSync(from, { withFileTypes: true })) {
      if (ignored.has(entry.name)) continue;
      const [source, target] = [join(from, entry.name), `${to}/${entry.name}`];
      if (entry.isDirectory()) add(source, target);
      else if (entry.isFile()) files.set(target, readFileSync(source).toString('base64'));
    }
  };
  add(folders.runtimeDir, 'trainers/runtime');
  add(join(folders.packageDir, 'perennial'), 'python/perennial');
  if ('trainer' in job) add(join(folders.trainersDir, job.trainer), `trainers/${job.trainer}`);
  const sorted = Object.fromEntries([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
  return gzipSync(JSON.stringify(sorted), { level: 9 });
}

/** Not needed by a job: tests, compiled files, and the client for notebooks. */
const ignored = new Set(['tests', '__pycache__', 'client']);

/** Reads `trainers/runtime/remote/bootstrap.py`, the program that an engine starts. */
export function bootstrapProgram(runtimeDir: string): string {
  return readFileSync(join(runtimeDir, 'remote', 'bootstrap.py'), 'utf8');
}
