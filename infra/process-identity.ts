import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process that cannot be confused with a later one of the same number: pids are reused, a pid together with its birth is not. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly birth: string;
}

/** When this process began, as an opaque text; null when there is no such process. */
export function birthOf(pid: number): string | null {
  if (process.platform === 'linux') return linuxBirth(pid);
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return text === '' ? null : text;
  } catch {
    return null; // ps exits 1 when there is no such process
  }
}

export function identify(pid: number): ProcessIdentity | null {
  const birth = birthOf(pid);
  return birth === null ? null : { pid, birth };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return birthOf(identity.pid) === identity.birth;
}

/** Signals the process only while it still is the one that was recorded. Returns whether it was. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals, reach: 'process' | 'group' = 'process'): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(reach === 'group' ? -identity.pid : identity.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return reach === 'group' ? signalProcess(identity, signal) : false;
    throw error;
  }
}

/** Field 22 of /proc/<pid>/stat counts clock ticks since boot, so the boot is part of it. A zombie has ended: it only waits to be reaped. */
function linuxBirth(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : `${bootId()}/${fields[19] ?? ''}`;
  } catch {
    return null;
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown-boot';
  }
}
