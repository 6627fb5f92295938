import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { failure } from '../domain/failure';

/** Only this user may read it (0600), and a reader never sees half of it. */
export function writePrivateJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(unfinished, path);
}

/** Null when there is none. A file that others could read is closed to them. */
export function readPrivateJson(path: string): unknown {
  let text: string;
  try {
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw failure('PlatformUnavailable', `${path} is damaged: ${(error as Error).message}`, {
      cause: error,
      next: 'Restore it from a backup, or start over with `npx perennial up --fresh`',
    });
  }
}
