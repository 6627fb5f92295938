import type { Logger } from './log';

export interface Loop {
  stop(): Promise<void>;
}

/** Repeats a task until stopped, one at a time; a failure is logged and the next round comes as usual. */
export function repeat(name: string, everySeconds: number, task: (signal: AbortSignal) => Promise<void>, log: Logger): Loop {
  const ended = new AbortController();
  const run = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      try {
        await task(ended.signal);
      } catch (error) {
        if (!ended.signal.aborted) log.warn({ err: error, task: name }, 'periodic task failed; it comes again');
      }
      await sleep(everySeconds * 1000, ended.signal);
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

export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}
