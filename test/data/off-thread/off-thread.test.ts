import { openOffThread } from '../../../data/off-thread/off-thread';
import { measureFastest, timed } from '../../support/time/fastest-of';

const offThread = openOffThread();
afterAll(() => offThread.close());

const read = (text: string, deadlineMs: number, signal?: AbortSignal) =>
  offThread.run(
    'readText',
    { reading: 'personalData', input: { text, types: ['email', 'phone'] } },
    { deadlineMs, signal },
  );
const endless = '1.'.repeat(1_000_000);

describe('a task in another thread', () => {
  test('returns the same result as in this thread', async () => {
    expect(await read('to ada@example.org', 120_000)).toEqual({
      kind: 'done',
      value: [{ from: 3, to: 18, what: 'email' }],
    });
  });

  test('is ended at its deadline, even inside a regular expression, and the pool still works', async () => {
    const { value, milliseconds } = await measureFastest(3, 2_000, () =>
      timed(() => read(endless, 300)),
    );
    expect(value).toEqual({ kind: 'late' });
    expect(milliseconds).toBeLessThan(2_000);
    expect(await read('to ada@example.org', 120_000)).toMatchObject({ kind: 'done' });
  });

  test('is ended when its caller cancels', async () => {
    const caller = new AbortController();
    const reading = read(endless, 30_000, caller.signal);
    setTimeout(() => caller.abort(new Error('the caller has gone')), 50);
    await expect(reading).rejects.toThrow('the caller has gone');
  });

  test('fails with the failure that the task threw', async () => {
    const bytes = String.fromCharCode(...Array.from({ length: 500 }, (_, at) => at % 32));
    const reading = offThread.run(
      'readText',
      { reading: 'windows', input: { text: bytes, max: 4 } },
      { deadlineMs: 30_000 },
    );
    await expect(reading).rejects.toMatchObject({
      type: 'InvalidInput',
      message: 'a detector received bytes that are not text',
    });
  });
});
