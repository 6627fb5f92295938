import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { failure } from '../domain/failure';
import { processRef, isAlive, type ProcessRef } from '../data/process-identity';

/**
 * Allows one platform per state folder. The lock of an ended process is free. Returns the release.
 */
export function takeSupervisorLock(file: string, stateDir: string): () => void {
  const self = processRef(process.pid);
  if (self === null)
    throw failure('PlatformUnavailable', 'The start time of this process cannot be read', {
      next: 'Mount /proc, or install ps',
    });
  const own = `${file}.${process.pid}`;
  writeFirstFile(own, JSON.stringify(self), stateDir);
  try {
    while (!link(own, file)) {
      const holder = readHolder(file);
      if (holder !== null && isAlive(holder)) throw alreadyRuns(holder, stateDir);
      setAside(file, stateDir);
    }
  } finally {
    rmSync(own, { force: true });
  }
  return () => {
    if (readHolder(file)?.pid === process.pid) rmSync(file, { force: true });
  };
}

/** The first write to the folder, so it reports a folder that is not writable. */
function writeFirstFile(file: string, content: string, stateDir: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, content, { mode: 0o600 });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const reason =
      code === 'ENOSPC'
        ? 'the disk is full'
        : code === 'EACCES'
          ? 'it belongs to another user'
          : 'it is read-only or not a folder';
    throw failure('PlatformUnavailable', `${stateDir} cannot be written: ${reason} (${code})`, {
      cause: error,
      next: 'Set PERENNIAL_STATE_DIR to a writable folder with a few GB of free space',
    });
  }
}

/**
 * A hard link appears together with its content, unlike a file that is created and then written.
 */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Two starts may find the same free lock, so a lock that turns out to be in use is put back. */
function setAside(file: string, stateDir: string): void {
  const aside = `${file}.dead.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const holder = readHolder(aside);
  const live = holder !== null && isAlive(holder);
  if (live) link(aside, file);
  rmSync(aside, { force: true });
  if (live) throw alreadyRuns(holder, stateDir);
}

function readHolder(file: string): ProcessRef | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessRef;
  } catch {
    return null; // missing or not a lock file: nothing holds it
  }
}

function alreadyRuns(holder: ProcessRef, stateDir: string): Error {
  return failure('Conflict', `Perennial already runs on ${stateDir} (process ${holder.pid})`, {
    next: `Use the running one, end it with Ctrl-C or \`kill ${holder.pid}\`, or set PERENNIAL_STATE_DIR to another folder`,
  });
}
