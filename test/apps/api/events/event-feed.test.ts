import { openRunEventFeed, type RunEventFeed } from '../../../../apps/api/events/event-feed';
import type { RunId } from '../../../../domain/ids';

const one = 'run_1' as RunId;
const other = 'run_2' as RunId;
const never = new AbortController().signal;

async function openFeed(): Promise<{
  readonly feed: RunEventFeed;
  readonly notify: (runId: RunId | null) => void;
}> {
  let callback: (runId: RunId | null) => void = () => undefined;
  const feed = await openRunEventFeed({
    listen: (told) => {
      callback = told;
      return Promise.resolve(() => Promise.resolve());
    },
  });
  return { feed, notify: (runId) => callback(runId) };
}

describe('the feed of run events', () => {
  test('wakes only waiters of the same run', async () => {
    const { feed, notify } = await openFeed();
    const [mine, theirs] = [
      feed.subscribe(one).next(1_000, never),
      feed.subscribe(other).next(30, never),
    ];
    notify(one);
    expect(await mine).toBe('events');
    expect(await theirs).toBe('timeout');
  });

  test('remembers an event that arrives between two waits, once', async () => {
    const { feed, notify } = await openFeed();
    const subscription = feed.subscribe(one);
    notify(one);
    notify(one);
    expect(await subscription.next(1_000, never)).toBe('events');
    expect(await subscription.next(10, never)).toBe('timeout');
  });

  test('wakes all waiters after the database connection returns', async () => {
    const { feed, notify } = await openFeed();
    const waiting = [feed.subscribe(one), feed.subscribe(one), feed.subscribe(other)].map((each) =>
      each.next(1_000, never),
    );
    notify(null);
    expect(await Promise.all(waiting)).toEqual(['events', 'events', 'events']);
  });

  test('ends a wait by its signal, and forgets the waiter', async () => {
    const { feed, notify } = await openFeed();
    const gone = new AbortController();
    const subscription = feed.subscribe(one);
    const waiting = subscription.next(60_000, gone.signal);
    gone.abort();
    expect(await waiting).toBe('timeout');
    expect(await subscription.next(60_000, gone.signal)).toBe('timeout');
    subscription.end();
    notify(one);
    expect(await subscription.next(10, never)).toBe('timeout');
  });
});
