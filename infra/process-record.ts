import { processIdentity, isAlive, signalProcess, type ProcessRef } from '../data/process-identity';
import { readPrivateJson, writePrivateJson } from './private-file';

export interface RecordedProcess extends ProcessRef {
  readonly name: string;
  /** What asks it to end in good order. */
  readonly signal: NodeJS.Signals;
}

/**
 * The processes of a running platform, on disk: what a kill -9 of everything left behind is found
 * by it at the next start.
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

const remove =
  'Remove it; what an earlier start may have left running has to be ended by hand then';

/**
 * Ends what an earlier platform left running and answers with the names. Never touches a process
 * that only has the same number.
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
