import { spawn, type ChildProcess } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { RolloutLoadFigures, RolloutLoadPlan } from './load';

/** Starts the load of `load.ts` in its own process. */
export function startLoad(plan: RolloutLoadPlan): ChildProcess {
  return spawn(
    process.execPath,
    ['-r', 'tsx/cjs', join(__dirname, 'load.ts'), JSON.stringify(plan)],
    {
      cwd: resolve(__dirname, '..', '..'),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
}

/** Asks for the figures so far, or ends the load. */
export function told(load: ChildProcess, what: 'figures' | 'end'): Promise<RolloutLoadFigures> {
  return new Promise((answered, failed) => {
    const gone = (): void => failed(new Error('the load process ended unexpectedly'));
    load.once('exit', gone);
    load.once('message', (figures: RolloutLoadFigures) => {
      load.off('exit', gone);
      answered(figures);
    });
    load.send(what);
  });
}

/** Kills the load if it still runs. */
export async function ended(load: ChildProcess): Promise<void> {
  if (load.exitCode !== null || load.signalCode !== null) return;
  const exit = new Promise((done) => load.once('exit', done));
  load.kill('SIGKILL');
  await exit;
}
