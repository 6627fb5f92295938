import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A pid can be reused by a later process. The pid together with its identity cannot. */
export interface ProcessRef {
  readonly pid: number;
  readonly identity: string;
}

/**
 * Opaque text from boot and start time; null when the process does not exist or is a zombie.
 * `identity` in trainers/runtime/processes.py gives the same text.
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
      'cannot read the identity of this process: /proc is not mounted, or ps is not installed',
    );
  return self;
}

export function isAlive(ref: ProcessRef): boolean {
  return processIdentity(ref.pid) === ref.identity;
}

/** Sends a signal only if the pid still belongs to the recorded process. Returns whether it did. */
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
 * Field 22 of /proc/<pid>/stat counts clock ticks since boot, so the boot id is added. A zombie
 * counts as ended.
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
