import { setMaxListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { openRateLimiter } from '../../../../data/language/provider/rate-limiter';

test('a request that is cancelled while it waits for a place uses no turn', async () => {
  // Six at once, and then one per second.
  const limiter = openRateLimiter({ requestsPerMinute: 60, tokensPerMinute: null, concurrency: 1 });
  const waiting = { whose: 'provider paid', tokens: 1, patienceMs: 0 };
  let end: () => void = () => undefined;
  const underWay = limiter.run(
    { ...waiting, signal: undefined },
    () => new Promise<void>((ended) => (end = ended)),
  );
  const caller = new AbortController();
  // Whoever shares a signal between many requests raises its limit, as activities do.
  setMaxListeners(0, caller.signal);
  const gone = Array.from({ length: 20 }, () =>
    limiter.run({ ...waiting, signal: caller.signal }, () => Promise.resolve('sent')),
  );
  const ended = Promise.allSettled(gone);
  caller.abort(new Error('hung up'));
  for (const { status } of await ended) expect(status).toBe('rejected');
  const stillWaits = limiter.run({ ...waiting, signal: undefined }, () => Promise.resolve('sent'));
  end();
  await underWay;
  expect(await stillWaits).toBe('sent');
});

test('a request that is cancelled while it waits for its turn gives the turn back', async () => {
  const limiter = openRateLimiter({ requestsPerMinute: 60, tokensPerMinute: 600, concurrency: 64 });
  const waiting = { whose: 'provider paid', tokens: 10, patienceMs: 60_000 };
  const send = (signal?: AbortSignal, patienceMs = waiting.patienceMs) =>
    limiter.run({ ...waiting, patienceMs, signal }, () => Promise.resolve('sent'));
  // The burst of both limits: six at once, and then one per second.
  await Promise.all(Array.from({ length: 6 }, () => send()));
  const callers = Array.from({ length: 30 }, () => new AbortController());
  const ended = Promise.allSettled(callers.map(({ signal }) => send(signal)));
  await expect(send(undefined, 5_000)).rejects.toMatchObject({ type: 'ProviderRateLimited' });
  for (const caller of callers) caller.abort(new Error('hung up'));
  for (const { status } of await ended) expect(status).toBe('rejected');
  await setImmediate();
  expect(await send(undefined, 2_000)).toBe('sent');
});

test('a clock that is set back delays no request', async () => {
  const limiter = openRateLimiter({ requestsPerMinute: 60, tokensPerMinute: 600, concurrency: 1 });
  const send = () =>
    limiter.run({ whose: 'provider paid', tokens: 10, patienceMs: 2_000, signal: undefined }, () =>
      Promise.resolve('sent'),
    );
  limiter.hold(1);
  await send();
  const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() - 3_600_000);
  try {
    expect(await send()).toBe('sent');
  } finally {
    clock.mockRestore();
  }
});

test('a waiting request fails when the provider asks for a longer pause than it may wait', async () => {
  const limiter = openRateLimiter({
    requestsPerMinute: 60,
    tokensPerMinute: null,
    concurrency: 64,
  });
  const send = (patienceMs: number) =>
    limiter.run({ whose: 'provider paid', tokens: 1, patienceMs, signal: undefined }, () =>
      Promise.resolve('sent'),
    );
  await Promise.all(Array.from({ length: 6 }, () => send(0)));
  // Its turn is in one second.
  const impatient = send(1_500);
  const patient = send(Number.POSITIVE_INFINITY);
  const ended = Promise.allSettled([impatient, patient]);
  limiter.hold(3_600_000);
  const refused = { type: 'ProviderRateLimited', retryAfterMs: expect.any(Number) as number };
  expect(await ended).toMatchObject([
    { status: 'rejected', reason: refused },
    { status: 'rejected', reason: refused },
  ]);
});
