import { processIdentity, isAlive, signalProcess, type ProcessRef } from '../data/process-identity';
import { readPrivateJson, writePrivateJson } from './private-file';

export interface RecordedProcess extends ProcessRef {
  readonly name: string;
  /** Signal for an orderly end. */
  readonly signal: NodeJS.Signals;
}

/**
 * Stores the processes of a running platform on disk, so that the next start finds them after
 * everything was killed.
 */
export interface ProcessRecord {
  add(name: string, pid: number, signal: NodeJS.Signals): void;
  drop(pid: number): void;
  list(): readonly RecordedProcess[];
}

export function openProcessRecord(file: string): ProcessRecord {
  let processes: readonly RecordedProcess[] = [];
  const write = (changed: readonly RecordedProcess[]): void => {
    processes = changed;
    writePrivateJson(file, processes);
  };
  write([]);
  return {
    add: (name, pid, signal) => {
      const identity = processIdentity(pid);
      if (identity !== null) write([...processes, { name, pid, identity, signal }]);
    },
    drop: (pid) => write(processes.filter((process) => process.pid !== pid)),
    list: () => processes,
  };
}

const remove = 'Remove it, and end processes of an earlier start yourself';

/**
 * Ends processes of an earlier platform and returns their names. Never signals another process with
 * a reused pid.
 */
export async function clearLeftovers(file: string, graceSeconds = 8): Promise<readonly string[]> {
  const recorded = (readPrivateJson(file, remove) ?? []) as readonly RecordedProcess[];
  const left = recorded.filter(isAlive);
  for (const process of left) signalProcess(process, process.signal);
  await untilGone(left, graceSeconds);
  for (const process of left) signalProcess(process, 'SIGKILL', 'group');
  await untilGone(left, 2);
  return left.map((process) => process.name);
}

async function untilGone(processes: readonly ProcessRef[], seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (processes.some(isAlive) && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 50));
}
