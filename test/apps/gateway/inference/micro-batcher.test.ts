import { createMicroBatcher } from '../../../../apps/gateway/inference/micro-batcher';
import { failure } from '../../../../domain/failure';

const soon = (): number => performance.now() + 60_000;

interface Gate {
  open(): void;
  readonly opened: Promise<void>;
}

function gate(): Gate {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

function createBatcher(call: (rows: readonly number[]) => Promise<Float64Array>) {
  const batches: number[] = [];
  const batcher = createMicroBatcher<number>({
    maxRows: 4,
    call,
    late: () => failure('SqlTimeout', 'too late'),
    onBatch: (rows) => batches.push(rows),
  });
  return { batcher, batches };
}

const doubled = (rows: readonly number[]): Promise<Float64Array> =>
  Promise.resolve(Float64Array.from(rows, (row) => row * 2));

describe('micro-batcher', () => {
  test('a lone request is a batch of its own', async () => {
    const { batcher, batches } = createBatcher(doubled);
    expect([...(await batcher.run([3], soon()))]).toEqual([6]);
    expect(batches).toEqual([1]);
  });

  test('requests of one turn of the event loop share calls up to the limit, and each gets its rows', async () => {
    const { batcher, batches } = createBatcher(doubled);
    const answers = await Promise.all(
      [[1], [2, 3], [4], [5, 6], [7]].map((rows) => batcher.run(rows, soon())),
    );
    expect(answers.map((answer) => [...answer])).toEqual([[2], [4, 6], [8], [10, 12], [14]]);
    expect(batches).toEqual([4, 3]);
  });

  test('requests that arrive during a call go into the next one', async () => {
    const busy = gate();
    const { batcher, batches } = createBatcher(async (rows) => {
      await busy.opened;
      return doubled(rows);
    });
    const first = batcher.run([1], soon());
    await new Promise(setImmediate);
    const rest = [batcher.run([2], soon()), batcher.run([3], soon())];
    expect(batcher.queued()).toBe(2);
    busy.open();
    await Promise.all([first, ...rest]);
    expect(batches).toEqual([1, 2]);
  });

  test('a row that fails its batch fails no other request', async () => {
    const { batcher } = createBatcher((rows) =>
      rows.includes(13) ? Promise.reject(new Error('unlucky')) : doubled(rows),
    );
    const outcomes = await Promise.allSettled([
      batcher.run([1], soon()),
      batcher.run([13], soon()),
      batcher.run([2], soon()),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  test('a request that waited too long fails and is not computed', async () => {
    const { batcher, batches } = createBatcher(doubled);
    const outcomes = await Promise.allSettled([
      batcher.run([1], performance.now() - 1),
      batcher.run([2], soon()),
    ]);
    expect(outcomes[0]).toMatchObject({ reason: { type: 'SqlTimeout' } });
    expect(outcomes[1].status).toBe('fulfilled');
    expect(batches).toEqual([1]);
  });

  test('a request fails at its deadline while the call of its batch continues, and others get their scores', async () => {
    const busy = gate();
    const { batcher } = createBatcher(async (rows) => {
      await busy.opened;
      return doubled(rows);
    });
    const patient = batcher.run([1], soon());
    const [first, second] = [40, 20].map((ms) => batcher.run([2], performance.now() + ms));
    const startedAt = performance.now();
    await expect(second).rejects.toMatchObject({ type: 'SqlTimeout' });
    await expect(first).rejects.toMatchObject({ type: 'SqlTimeout' });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(35);
    busy.open();
    expect([...(await patient)]).toEqual([2]);
  });

  test('requests that still wait in the queue fail at their deadline, too', async () => {
    const busy = gate();
    const { batcher, batches } = createBatcher(async (rows) => {
      await busy.opened;
      return doubled(rows);
    });
    const first = batcher.run([1], soon());
    await new Promise(setImmediate);
    await expect(batcher.run([2], performance.now() + 20)).rejects.toMatchObject({
      type: 'SqlTimeout',
    });
    busy.open();
    await first;
    // What has failed is not computed.
    expect(batches).toEqual([1]);
  });
});
