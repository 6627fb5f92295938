import { createLease } from '../../../../apps/gateway/routing/lease';

test('a slow subscription is tried once at a time and closed after the stop', async () => {
  const answers: (() => void)[] = [];
  const leaseSeconds = 1.5;
  let [listeners, beats, lastBeatAt] = [0, 0, performance.now()];
  const lease = createLease({
    gateways: {
      beat: () => {
        beats += 1;
        lastBeatAt = performance.now();
        return Promise.resolve({ epoch: 1 });
      },
      leave: () => Promise.resolve(),
    },
    routing: {
      listen: () =>
        new Promise((listening) => {
          answers.push(() => {
            listeners += 1;
            listening(() => {
              listeners -= 1;
              return Promise.resolve();
            });
          });
        }),
    },
    table: { blocked: () => [], epoch: () => 1, refresh: () => Promise.resolve() },
    disk: { current: () => null, reported: () => undefined },
    id: 'gw_1',
    url: () => 'http://127.0.0.1:1',
    leaseSeconds,
    holdsPredictions: () => false,
    pollSeconds: 0.01,
    onError: () => undefined,
  });
  await lease.start();
  // Each round waits for a third of the lease and then sends a heartbeat. The lease never expires,
  // unless the machine itself pauses for that long.
  const looks: boolean[] = [];
  for (const end = Date.now() + 60_000; beats < 4 && Date.now() < end;) {
    looks.push(lease.holds() || performance.now() - lastBeatAt >= leaseSeconds * 1000);
    await new Promise((passed) => setTimeout(passed, 20));
  }
  await lease.stop();
  expect(beats).toBeGreaterThanOrEqual(4);
  expect(looks.every(Boolean)).toBe(true);
  expect(answers).toHaveLength(1);
  for (const answer of answers) answer();
  await new Promise((passed) => setTimeout(passed, 10));
  expect(listeners).toBe(0);
});

test('a heartbeat that hangs delays neither later ones nor the end, and each has its number', async () => {
  const sent: { readonly epoch: number; readonly beat: number }[] = [];
  let epoch = 1;
  const lease = createLease({
    gateways: {
      beat: ({ epoch: told, beat }) => {
        sent.push({ epoch: told, beat });
        return beat === 1 ? new Promise(() => undefined) : Promise.resolve({ epoch });
      },
      leave: () => Promise.resolve(),
    },
    routing: { listen: () => Promise.resolve(() => Promise.resolve()) },
    table: { blocked: () => [], epoch: () => epoch, refresh: () => Promise.resolve() },
    disk: { current: () => null, reported: () => undefined },
    id: 'gw_1',
    url: () => 'http://127.0.0.1:1',
    leaseSeconds: 0.3,
    holdsPredictions: () => false,
    pollSeconds: 60,
    onError: () => undefined,
  });
  const hanging = lease.beat();
  epoch = 2;
  await lease.beat();
  expect(lease.holds()).toBe(true);
  await lease.stop();
  expect(sent).toEqual([
    { epoch: 1, beat: 1 },
    { epoch: 2, beat: 2 },
  ]);
  await expect(hanging).rejects.toMatchObject({ type: 'DatabaseUnavailable' });
});
