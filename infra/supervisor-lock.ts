import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { failure } from '../domain/failure';
import { processRef, isAlive, type ProcessRef } from '../data/process-identity';

/** One platform per state folder. The lock of a dead process is nobody's. Returns the release. */
export function takeSupervisorLock(file: string, stateDir: string): () => void {
  const self = processRef(process.pid);
  if (self === null)
    throw failure('PlatformUnavailable', 'The system does not tell when this process began', {
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

/** The first thing that is written to the folder, so the place to say that it cannot be. */
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
      next: 'Name a writable folder with a few GB of space in PERENNIAL_STATE_DIR',
    });
  }
}

/** Unlike create-then-write, a link appears with its content. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Two starters may find the same dead lock: what the rename caught is looked at again, and a live
 * one is put back.
 */
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
    return null; // gone, or not written by us: nobody holds it
  }
}

function alreadyRuns(holder: ProcessRef, stateDir: string): Error {
  return failure('Conflict', `Perennial already runs on ${stateDir} (process ${holder.pid})`, {
    next: `Use the one that runs, end it with Ctrl-C or \`kill ${holder.pid}\`, or name another folder in PERENNIAL_STATE_DIR`,
  });
}
