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

const maxLogBytes = 64 * 1024 * 1024;
/** Older logs are kept as `….1` (newest) to `….5`. */
const keptLogs = 5;

/** Opens a new log file for a new start, for appending. */
export function rotateLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  if (readSize(file) > 0) {
    makeRoom(file);
    renameSync(file, `${file}.1`);
  }
  return openSync(file, 'a', 0o600);
}

/**
 * Empties a full log in place after copying it, because a server keeps its file open for weeks.
 * Appending writers do not notice. If the copy fails on a full disk, the next call tries again.
 */
export function trimLog(file: string): void {
  if (readSize(file) < maxLogBytes) return;
  try {
    makeRoom(file);
    copyFileSync(file, `${file}.1`);
    truncateSync(file);
  } catch {
    rmSync(`${file}.1`, { force: true });
  }
}

function readSize(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Renumbers older logs by one and deletes the oldest. */
function makeRoom(file: string): void {
  for (let number = keptLogs - 1; number >= 1; number -= 1) {
    if (readSize(`${file}.${number}`) > 0) renameSync(`${file}.${number}`, `${file}.${number + 1}`);
  }
}
