import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { failure } from '../domain/failure';

/**
 * Writes a file that only this user can read (0600). Readers never see a partial file, even after a
 * power failure, because some of these files cannot be made again.
 */
export function writePrivateJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const unfinished = `${path}.${process.pid}`;
  const file = openSync(unfinished, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify(value, null, 2)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(unfinished, path);
}

const restore = 'Restore it from a backup, or start over with `npx perennial up --fresh`';

/**
 * Reads a private file; null when it does not exist. Removes permissions of other users if it may.
 * `next` is the remedy for a damaged file.
 */
export function readPrivateJson(path: string, next = restore): unknown {
  let text: string;
  try {
    if ((statSync(path).mode & 0o077) !== 0) closeToOthers(path);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw failure('PlatformUnavailable', `${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
      next,
    });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw failure('PlatformUnavailable', `${path} is damaged: ${(error as Error).message}`, {
      cause: error,
      next,
    });
  }
}

/** A file that a container mounts as a secret is read-only, or belongs to another user. */
function closeToOthers(path: string): void {
  try {
    chmodSync(path, 0o600);
  } catch (error) {
    if (!['EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
