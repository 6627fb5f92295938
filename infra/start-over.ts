import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { clearLeftovers } from './process-record';
import { statePaths } from './state-paths';
import { takeSupervisorLock } from './supervisor-lock';

/**
 * Removes all that a platform made under the folder; what was provisioned stays. Refused while one
 * runs on it. First ends what a killed one left running: it would go on writing, and the record
 * that names it goes with the rest. Dies in the middle: the next call, or a start, goes on.
 */
export async function startOver(stateDir: string, say: (line: string) => void): Promise<void> {
  const { state, run, log, secrets, lock, processes } = statePaths(stateDir);
  const release = takeSupervisorLock(lock, stateDir);
  try {
    // A record that cannot be read names nobody, and must not keep anyone from starting over.
    const left = await clearLeftovers(processes).catch(() => []);
    if (left.length > 0) say(`Ended what an earlier start left running: ${left.join(', ')}`);
    const ours = readdirSync(run).filter((name) => name !== basename(lock));
    for (const path of [state, log, secrets, ...ours.map((name) => join(run, name))])
      rmSync(path, { recursive: true, force: true });
  } finally {
    release();
  }
  say(`Removed all runs, models and data under ${stateDir}`);
}
