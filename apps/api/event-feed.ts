import type { RunId } from '../../domain/ids';
import type { EventRepository } from '../../db/repositories/events';

/** One database listener for all event streams of this process. */
export interface RunEventFeed {
  /** Resolves when the run may have new events, after `milliseconds` at the latest, or when the signal fires. */
  wait(runId: RunId, milliseconds: number, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export async function openRunEventFeed(events: EventRepository): Promise<RunEventFeed> {
  const waiting = new Map<RunId, Set<() => void>>();
  const wake = (runId: RunId): void => waiting.get(runId)?.forEach((resume) => resume());
  const stop = await events.listen((runId) => {
    if (runId === null) for (const each of waiting.keys()) wake(each);
    else wake(runId);
  });
  return {
    wait: (runId, milliseconds, signal) =>
      new Promise((resolve) => {
        const resume = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', resume);
          const others = waiting.get(runId);
          others?.delete(resume);
          if (others?.size === 0) waiting.delete(runId);
          resolve();
        };
        const timer = setTimeout(resume, milliseconds);
        signal.addEventListener('abort', resume);
        const set = waiting.get(runId) ?? new Set();
        waiting.set(runId, set.add(resume));
      }),
    close: stop,
  };
}
