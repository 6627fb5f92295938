import type { LlamaContext, LlamaSequence, Token } from '../../../apps/llm-server/llama-cpp';
import {
  openSequencePool,
  type SequencePool,
  type WaitingRoom,
} from '../../../apps/llm-server/sequence-pool';

const never = new AbortController().signal;

function createPool(
  held: readonly (readonly Token[])[],
  maxWaiting = 10,
): { readonly pool: SequencePool; readonly room: WaitingRoom } {
  const left = held.map(
    (tokens) =>
      ({ contextTokens: tokens, nextTokenIndex: tokens.length }) as unknown as LlamaSequence,
  );
  const context = { contextSize: 100, getSequence: () => left.shift() } as unknown as LlamaContext;
  const room = { maxWaiting, waiting: 0, secondsHeld: 0 };
  return { pool: openSequencePool(context, held.length, room), room };
}

describe('the sequences of a context', () => {
  test('go to the prompt with which they share the most', async () => {
    const { pool } = createPool([[1, 2, 9], [1, 2, 3, 4], []]);
    expect((await pool.take([1, 2, 3, 5], never)).sequence.contextTokens).toEqual([1, 2, 3, 4]);
    expect((await pool.take([1, 2, 3, 5], never)).sequence.contextTokens).toEqual([1, 2, 9]);
  });

  test('of equals, the emptiest is taken, to keep longer prompts of others', async () => {
    const { pool } = createPool([[7, 8, 9], []]);
    expect((await pool.take([1], never)).sequence.contextTokens).toEqual([]);
  });

  test('are given in the order of the requests', async () => {
    const { pool, room } = createPool([[]]);
    const slot = await pool.take([1], never);
    const order: string[] = [];
    const first = pool.take([1], never).then((given) => (order.push('first'), given));
    const second = pool.take([1], never).then((given) => (order.push('second'), given));
    expect(room.waiting).toBe(2);
    pool.give(slot);
    pool.give(await first);
    await second;
    expect(order).toEqual(['first', 'second']);
    expect(room.waiting).toBe(0);
  });

  test('are refused with Retry-After when too many requests wait', async () => {
    const { pool } = createPool([[]], 1);
    await pool.take([1], never);
    void pool.take([1], never);
    await expect(pool.take([1], never)).rejects.toMatchObject({
      status: 429,
      retryAfterSeconds: 1,
    });
  });

  test('are not given to a request that was cancelled while it waited', async () => {
    const { pool, room } = createPool([[]]);
    const slot = await pool.take([1], never);
    const leave = new AbortController();
    const gone = pool.take([1], leave.signal);
    const next = pool.take([2], never);
    leave.abort(new Error('gone'));
    await expect(gone).rejects.toThrow('gone');
    expect(room.waiting).toBe(1);
    pool.give(slot);
    await next;
    expect(pool.taken()).toBe(1);
  });

  test('are all returned when the pool has closed', async () => {
    const { pool } = createPool([[]]);
    const slot = await pool.take([1], never);
    let closed = false;
    const closing = pool.close().then(() => (closed = true));
    await expect(pool.take([1], never)).rejects.toMatchObject({ status: 503 });
    expect(closed).toBe(false);
    pool.give(slot);
    await closing;
  });
});
