import { getEventListeners } from 'node:events';
import { pauseUnlessAborted } from '../../infra/supervisor';

test('a pause that ends leaves no listener on its signal', async () => {
  const { signal } = new AbortController();
  for (let round = 0; round < 20; round += 1) await pauseUnlessAborted(0.001, signal);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('a pause ends early when its signal is aborted, before it or during it', async () => {
  const stop = new AbortController();
  const pause = pauseUnlessAborted(3600, stop.signal);
  stop.abort();
  await pause;
  await pauseUnlessAborted(3600, stop.signal);
});
