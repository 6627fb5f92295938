import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../log';

export interface Loop {
  stop(): Promise<void>;
}

/**
 * Repeats a task until stopped. A failure is logged, and the next round starts as usual. `stop`
 * waits for the current round, so a long task must honour the signal.
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
        // When the process ends, the database may close during a round.
        if (!signal.aborted)
          log.warn({ err: error, task: name }, 'periodic task failed; it will run again');
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
