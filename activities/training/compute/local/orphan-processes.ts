import { readdirSync, readFileSync } from 'node:fs';
import type { ProcessRef } from '../../../../data/process-identity';
import { isAlive } from '../../../../data/process-identity';

/** Environment variables of each process below a host, whatever its group or session. */
export function ownershipMarks(
  stateDir: string,
  host: string,
  owner: ProcessRef,
): Record<string, string> {
  return {
    PERENNIAL_COMPUTE_STATE: stateDir,
    PERENNIAL_COMPUTE_HOST: host,
    PERENNIAL_COMPUTE_OWNER: `${owner.pid}/${owner.identity}`,
  };
}

/** Kills the remaining processes of a host that died. */
export function endProcessesOfHost(host: string): void {
  endProcesses((marks) => marks['PERENNIAL_COMPUTE_HOST'] === host);
}

/** Kills the remaining processes of workers that were killed together with their hosts. */
export function endProcessesOfDeadWorkers(stateDir: string): void {
  endProcesses((marks) => {
    const [pid, identity] = marks['PERENNIAL_COMPUTE_OWNER']?.split('/') ?? [];
    return (
      marks['PERENNIAL_COMPUTE_STATE'] === stateDir &&
      pid !== undefined &&
      identity !== undefined &&
      !isAlive({ pid: Number(pid), identity })
    );
  });
}

/**
 * Only Linux shows the environment of other processes. Elsewhere a job's group ends when its host's
 * pipe closes.
 */
function endProcesses(belongs: (marks: Record<string, string>) => boolean): void {
  if (process.platform !== 'linux') return;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const environment = readFileSync(`/proc/${entry}/environ`, 'utf8');
      if (environment.includes('PERENNIAL_COMPUTE_STATE=') && belongs(parse(environment)))
        process.kill(Number(entry), 'SIGKILL');
    } catch (error) {
      // The process has ended, or it belongs to another user and is not ours.
      if (
        !['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(
          (error as NodeJS.ErrnoException).code ?? '',
        )
      )
        throw error;
    }
  }
}

function parse(environment: string): Record<string, string> {
  return Object.fromEntries(
    environment
      .split('\0')
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}
