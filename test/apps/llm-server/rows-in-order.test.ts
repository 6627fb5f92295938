import { setTimeout as sleep } from 'node:timers/promises';
import type { LlamaContext } from '../../../apps/llm-server/llama-cpp';
import { readRowsInOrder } from '../../../apps/llm-server/rows-in-order';

interface Native {
  decodeBatch(): Promise<void>;
  sampleToken(row: number): Promise<number>;
}

/**
 * Like llama.cpp: rows of a batch are in another order until the first read has reordered them,
 * which takes time and has no lock.
 */
class Rows implements Native {
  readonly #fails: readonly number[];
  reads = 0;
  most = 0;
  moved = 0;
  isMoved = true;

  constructor(fails: readonly number[] = []) {
    this.#fails = fails;
  }

  async decodeBatch(): Promise<void> {
    await sleep(1);
    this.isMoved = false;
    this.moved = 0;
  }

  async sampleToken(row: number): Promise<number> {
    this.reads += 1;
    this.most = Math.max(this.most, this.reads);
    if (!this.isMoved) {
      this.moved += 1;
      await sleep(5);
      this.isMoved = true;
    }
    await sleep(5);
    this.reads -= 1;
    if (this.#fails.includes(row)) throw new Error(`no row ${row}`);
    return this.moved === 1 ? row : -1;
  }
}

const around = (native: object): LlamaContext => ({ _ctx: native }) as unknown as LlamaContext;

test('the first read of a batch reorders its rows once, and the others then run in parallel', async () => {
  const rows = new Rows();
  readRowsInOrder(around(rows));
  for (const batch of [[0, 1, 2, 3], [4, 5], [6]]) {
    await rows.decodeBatch();
    expect(await Promise.all(batch.map((row) => rows.sampleToken(row)))).toEqual(batch);
  }
  expect(rows.most).toBe(3);
});

test('a failed first read does not prevent other reads', async () => {
  const rows = new Rows([0]);
  readRowsInOrder(around(rows));
  await rows.decodeBatch();
  const read = await Promise.allSettled([0, 1, 2].map((row) => rows.sampleToken(row)));
  expect(read.map((each) => (each.status === 'fulfilled' ? each.value : 'failed'))).toEqual([
    'failed',
    1,
    2,
  ]);
});

test('an incompatible runtime is refused, because it could mix up answers', () => {
  expect(() => readRowsInOrder(around({}))).toThrow('does not match this version');
});
