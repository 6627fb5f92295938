import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { clearLeftovers } from './process-record';
import { statePaths } from './state-paths';
import { takeSupervisorLock } from './supervisor-lock';

/**
 * Removes all data of a platform in the folder, except provisioned files. Refuses while a platform
 * runs on it. Ends processes of a killed one first, since their record is removed too. An
 * interrupted removal is continued by the next call or start.
 */
export async function startOver(stateDir: string, say: (line: string) => void): Promise<void> {
  const { state, run, log, secrets, lock, processes } = statePaths(stateDir);
  const release = takeSupervisorLock(lock, stateDir);
  try {
    // An unreadable record must not prevent starting over.
    const left = await clearLeftovers(processes).catch(() => []);
    if (left.length > 0) say(`Ended processes of an earlier start: ${left.join(', ')}`);
    const ours = readdirSync(run).filter((name) => name !== basename(lock));
    for (const path of [state, log, secrets, ...ours.map((name) => join(run, name))])
      rmSync(path, { recursive: true, force: true });
  } finally {
    release();
  }
  say(`Removed all runs, models and data under ${stateDir}`);
}
