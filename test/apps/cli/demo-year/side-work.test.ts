import { openSideWork } from '../../../../apps/cli/demo-year/side-work';

test('an error beside the requests ends them, and is thrown at the end', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', note);
  try {
    const side = openSideWork(new AbortController().signal);
    const error = new Error('the API is gone');
    side.add(Promise.reject(error));
    side.add(Promise.reject(new Error('later')));
    side.add(Promise.resolve());
    await new Promise((resolve) => setImmediate(resolve));
    expect(side.signal.aborted).toBe(true);
    await expect(side.end()).rejects.toBe(error);
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', note);
  }
});

test('without an error nothing is aborted, but by the given signal', async () => {
  const given = new AbortController();
  const side = openSideWork(given.signal);
  side.add(Promise.resolve());
  await side.end();
  expect(side.signal.aborted).toBe(false);
  given.abort();
  expect(side.signal.aborted).toBe(true);
});
