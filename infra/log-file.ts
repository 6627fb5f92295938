import {
  copyFileSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { dirname } from 'node:path';

const largestLogBytes = 64 * 1024 * 1024;
/** Older logs are kept as `….1` (the newest) to `….5`. */
const keptLogs = 5;

/** A new file for a new start, opened for appending. */
export function rotateLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  if (sizeOf(file) > 0) {
    makeRoom(file);
    renameSync(file, `${file}.1`);
  }
  return openSync(file, 'a', 0o600);
}

/**
 * A server that runs for weeks holds its file open, so a full file is copied aside and emptied in
 * place, which appending writers do not notice. On a full disk the copy fails; then the file is
 * left as it is and the next call tries again.
 */
export function trimLog(file: string): void {
  if (sizeOf(file) < largestLogBytes) return;
  try {
    makeRoom(file);
    copyFileSync(file, `${file}.1`);
    truncateSync(file);
  } catch {
    rmSync(`${file}.1`, { force: true });
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Moves every older log one number up; the oldest goes. */
function makeRoom(file: string): void {
  for (let number = keptLogs - 1; number >= 1; number -= 1) {
    if (sizeOf(`${file}.${number}`) > 0) renameSync(`${file}.${number}`, `${file}.${number + 1}`);
  }
}
