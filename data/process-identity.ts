import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * A process that cannot be confused with a later one of the same number: pids are reused, a pid
 * together with its identity is not.
 */
export interface ProcessRef {
  readonly pid: number;
  readonly identity: string;
}

/**
 * Boot and start time of a process as an opaque text. Null when there is none, or only its zombie.
 * The same text as `identity` in trainers/runtime/processes.py.
 */
export function processIdentity(pid: number): string | null {
  if (process.platform === 'linux') return linuxIdentity(pid);
  try {
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim() || null
    );
  } catch {
    return null; // ps exits 1 when there is no such process
  }
}

export function processRef(pid: number): ProcessRef | null {
  const identity = processIdentity(pid);
  return identity === null ? null : { pid, identity };
}

export function thisProcess(): ProcessRef {
  const self = processRef(process.pid);
  if (self === null)
    throw new Error(
      'this process cannot read its own identity: /proc is not mounted, or ps is missing',
    );
  return self;
}

export function isAlive(ref: ProcessRef): boolean {
  return processIdentity(ref.pid) === ref.identity;
}

/** Signals the process only while it still is the one that was recorded. Returns whether it was. */
export function signalProcess(
  ref: ProcessRef,
  signal: NodeJS.Signals,
  reach: 'process' | 'group' = 'process',
): boolean {
  if (!isAlive(ref)) return false;
  try {
    process.kill(reach === 'group' ? -ref.pid : ref.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH')
      return reach === 'group' ? signalProcess(ref, signal) : false;
    throw error;
  }
}

/**
 * Field 22 of /proc/<pid>/stat counts clock ticks since boot, so the boot is part of it. A zombie
 * has ended: it only waits to be reaped.
 */
function linuxIdentity(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}:${fields[19] ?? ''}`;
  } catch {
    return null;
  }
}
