import { copyFileSync, mkdirSync, openSync, renameSync, statSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';

const largestLogBytes = 64 * 1024 * 1024;

/** A new file for a new start, opened for appending; the one before is kept as `….previous`. */
export function rotateLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    renameSync(file, `${file}.previous`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return openSync(file, 'a', 0o600);
}

/** A server that runs for weeks holds its file open: what is full is copied aside and emptied in place, which appending writers do not notice. */
export function trimLog(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size < largestLogBytes) return;
  copyFileSync(file, `${file}.previous`);
  truncateSync(file);
}
