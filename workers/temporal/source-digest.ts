import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Digest } from '../../domain/artifact';

const root = resolve(__dirname, '..', '..');

/** The versions of the libraries. npm packs no package-lock.json, so a package has a copy of it. */
export const lockFile = existsSync(join(root, 'package-lock.json'))
  ? 'package-lock.json'
  : join('dist', 'libraries.lock');

/**
 * Digest of the code that makes the outputs of stages, with the versions of its libraries. It is
 * coarse on purpose: recomputing an output costs minutes, but a stale output is wrong.
 */
export function stageCodeDigest(): Digest {
  return sourceDigest(['activities', 'data', 'domain', lockFile]);
}

/**
 * Digest of the names and contents of files, and of the TypeScript files in folders. Paths are
 * absolute or relative to the project's folder.
 */
export function sourceDigest(paths: readonly string[]): Digest {
  const hash = createHash('sha256');
  for (const file of paths.flatMap((path) => sourcesIn(resolve(root, path)))) {
    hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  }
  return `sha256:${hash.digest('hex')}`;
}

function sourcesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => join(path, name));
}
