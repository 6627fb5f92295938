import type { RunId } from '../../../domain/ids';
import type { EventRepository } from '../../../db/run/event-repository';

/** One database listener for all event streams of this process. */
export interface RunEventFeed {
  subscribe(runId: RunId): RunEventSubscription;
  close(): Promise<void>;
}

export interface RunEventSubscription {
  /**
   * Resolves when the run may have new events since the last call, after `milliseconds`, or when
   * the signal aborts. Events between two calls are remembered, so reading first and waiting
   * afterwards misses none.
   */
  next(milliseconds: number, signal: AbortSignal): Promise<'events' | 'timeout'>;
  end(): void;
}

interface Subscriber {
  news: boolean;
  wake: (() => void) | null;
}

export async function openRunEventFeed(
  events: Pick<EventRepository, 'listen'>,
): Promise<RunEventFeed> {
  const subscribers = new Map<RunId, Set<Subscriber>>();
  const tell = (some: Iterable<Subscriber>): void => {
    for (const subscriber of some) {
      subscriber.news = true;
      subscriber.wake?.();
    }
  };
  const stop = await events.listen((runId) => {
    if (runId !== null) tell(subscribers.get(runId) ?? []);
    else for (const each of subscribers.values()) tell(each);
  });
  return {
    subscribe(runId) {
      const subscriber: Subscriber = { news: false, wake: null };
      const all = subscribers.get(runId) ?? new Set();
      subscribers.set(runId, all.add(subscriber));
      return {
        next: (milliseconds, signal) => nextNews(subscriber, milliseconds, signal),
        end() {
          all.delete(subscriber);
          if (all.size === 0 && subscribers.get(runId) === all) subscribers.delete(runId);
        },
      };
    },
    close: stop,
  };
}

function nextNews(
  subscriber: Subscriber,
  milliseconds: number,
  signal: AbortSignal,
): Promise<'events' | 'timeout'> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      subscriber.wake = null;
      resolve(subscriber.news ? 'events' : 'timeout');
      subscriber.news = false;
    };
    const timer = setTimeout(finish, milliseconds);
    signal.addEventListener('abort', finish);
    subscriber.wake = finish;
    if (subscriber.news || signal.aborted) finish();
  });
}
