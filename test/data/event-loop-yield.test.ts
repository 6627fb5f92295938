import { openEventLoopYield } from '../../data/event-loop-yield';

function busy(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

/** Steps of five milliseconds each. */
async function work(steps: number, turn: () => Promise<void>): Promise<void> {
  for (let step = 0; step < steps; step += 1) {
    await turn();
    busy(5);
  }
}

describe('turns of long work', () => {
  test('lets other work run in between', async () => {
    let others = 0;
    const other = setInterval(() => (others += 1), 1);
    await work(20, openEventLoopYield());
    clearInterval(other);
    // One after each four or five steps; without turns there is none.
    expect(others).toBeGreaterThanOrEqual(3);
  });

  test('stops at a turn after an abort', async () => {
    await expect(
      work(20, openEventLoopYield(AbortSignal.abort(new Error('not wanted')))),
    ).rejects.toThrow('not wanted');
  });
});
