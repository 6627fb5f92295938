import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../../domain/artifact';
import { computeDigest, sha256 } from '../digest';

/** Folders without code of the project. */
const skipped = /^(\.|node_modules$|__pycache__$|dist$)/;

/**
 * The files that steps can use, by path with `/`: everything below `steps/`, and other Python files
 * that steps may import. Virtual environments and hidden folders are left out.
 */
export function stepFilePaths(root: string, below = ''): string[] {
  const folder = join(root, below);
  if (!existsSync(folder) || existsSync(join(folder, 'pyvenv.cfg'))) return [];
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      if (skipped.test(entry.name)) return [];
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) return stepFilePaths(root, path);
      const used = path.startsWith('steps/') || path.endsWith('.py');
      return entry.isFile() && used ? [path] : [];
    })
    .sort();
}

/** Changes with the content of any of the files; part of the cache key of every step. */
export function stepCodeDigest(root: string, paths: readonly string[]): Digest {
  return computeDigest(
    Object.fromEntries(paths.map((path) => [path, sha256(readFileSync(join(root, path)))])),
  );
}
