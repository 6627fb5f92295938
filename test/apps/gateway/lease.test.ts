import { createLease } from '../../../apps/gateway/lease';

test('a registry that is slow to listen is asked once, and not listened to after the end', async () => {
  const answers: (() => void)[] = [];
  let listeners = 0;
  const lease = createLease({
    gateways: { beat: () => Promise.resolve({ epoch: 1 }), leave: () => Promise.resolve() },
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
    table: { epoch: () => 1, refresh: () => Promise.resolve() },
    id: 'gw_1',
    url: () => 'http://127.0.0.1:1',
    leaseSeconds: 0.03,
    pollSeconds: 0.01,
    onError: () => undefined,
  });
  await lease.start();
  await new Promise((passed) => setTimeout(passed, 150));
  const held = lease.holds();
  await lease.stop();
  expect(held).toBe(true);
  expect(answers).toHaveLength(1);
  for (const answer of answers) answer();
  await new Promise((passed) => setTimeout(passed, 10));
  expect(listeners).toBe(0);
});

test('a beat on its way is not overtaken by the one that confirms a newer table: the older one would take that back', async () => {
  const sent: { readonly epoch: number; readonly taken: () => void }[] = [];
  let epoch = 1;
  const lease = createLease({
    gateways: {
      beat: ({ epoch: told }) => new Promise((resolve) => sent.push({ epoch: told, taken: () => resolve({ epoch }) })),
      leave: () => Promise.resolve(),
    },
    routing: { listen: () => Promise.resolve(() => Promise.resolve()) },
    table: { epoch: () => epoch, refresh: () => Promise.resolve() },
    id: 'gw_1',
    url: () => 'http://127.0.0.1:1',
    leaseSeconds: 60,
    pollSeconds: 60,
    onError: () => undefined,
  });
  const older = lease.beat();
  await new Promise(setImmediate);
  epoch = 2;
  const newer = lease.beat();
  await new Promise(setImmediate);
  expect(sent.map((beat) => beat.epoch)).toEqual([1]);
  sent[0]?.taken();
  await older;
  await new Promise(setImmediate);
  expect(sent.map((beat) => beat.epoch)).toEqual([1, 2]);
  sent[1]?.taken();
  await newer;
});
