import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../log';

export interface Loop {
  stop(): Promise<void>;
}

/**
 * Repeats a task until stopped, one at a time; a failure is logged and the next round comes as
 * usual. Being stopped waits for the round that is under way: a task that may take long heeds the
 * signal.
 */
export function repeat(
  name: string,
  everySeconds: number,
  task: (stopped: AbortSignal) => Promise<unknown>,
  log: Logger,
): Loop {
  const ended = new AbortController();
  const { signal } = ended;
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await task(signal).catch((error: unknown) => {
        // The database is closed under a round that is under way when the process ends.
        if (!signal.aborted)
          log.warn({ err: error, task: name }, 'periodic task failed; it comes again');
      });
      await sleep(everySeconds * 1000, undefined, { signal }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    stop: async () => {
      ended.abort();
      await running;
    },
  };
}
