import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process that can be told from a later one with the same pid. */
export interface ProcessRef {
  readonly pid: number;
  readonly identity: string;
}

/** Boot and start time of a process; null when there is none, or only its zombie. The same text as `identity` in trainers/runtime/processes.py. */
function processIdentity(pid: number): string | null {
  if (process.platform !== 'linux') return ps(pid);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}:${fields[19] ?? ''}`;
  } catch {
    return null;
  }
}

export function isAlive(ref: ProcessRef): boolean {
  return processIdentity(ref.pid) === ref.identity;
}

export function thisProcess(): ProcessRef {
  const identity = processIdentity(process.pid);
  if (identity === null) throw new Error('this process cannot see itself: /proc is not mounted, or ps is missing');
  return { pid: process.pid, identity };
}

/** Signals the whole group that the process leads; fine when it is gone. */
export function signalGroup(ref: ProcessRef, signal: NodeJS.Signals): void {
  if (!isAlive(ref)) return;
  try {
    process.kill(-ref.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function ps(pid: number): string | null {
  try {
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || null
    );
  } catch {
    return null;
  }
}
