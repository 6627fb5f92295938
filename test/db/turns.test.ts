import { openTurns } from '../../db/turns';

const refuse = ({ running, waiting }: { readonly running: number; readonly waiting: number }) =>
  new Error(`${running} run, ${waiting} wait`);

/** Work that ends when it is told to. */
function work() {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { end, run: () => ended };
}

describe('a bounded queue', () => {
  test('runs so many at once, and the others in the order in which they came', async () => {
    const turns = openTurns({ atOnce: 2, mostWaiting: 10, longestWaitMs: 5_000, refuse });
    const begun: number[] = [];
    const works = Array.from({ length: 4 }, work);
    const all = works.map(({ run }, number) => turns.run(() => (begun.push(number), run())));
    await Promise.resolve();
    expect(begun).toEqual([0, 1]);
    works[1]?.end();
    await all[1];
    await Promise.resolve();
    expect(begun).toEqual([0, 1, 2]);
    for (const { end } of works) end();
    await Promise.all(all);
    expect(begun).toEqual([0, 1, 2, 3]);
  });

  test('refuses more than may wait, at once', async () => {
    const turns = openTurns({ atOnce: 1, mostWaiting: 1, longestWaitMs: 5_000, refuse });
    const [first, second] = [work(), work()];
    const all = [turns.run(first.run), turns.run(second.run)];
    await expect(turns.run(() => Promise.resolve())).rejects.toThrow('1 run, 1 wait');
    first.end();
    second.end();
    await Promise.all(all);
    await expect(turns.run(() => Promise.resolve('again'))).resolves.toBe('again');
  });

  test('refuses what has waited too long, and keeps no place for it', async () => {
    const turns = openTurns({ atOnce: 1, mostWaiting: 10, longestWaitMs: 20, refuse });
    const first = work();
    const running = turns.run(first.run);
    await expect(turns.run(() => Promise.resolve())).rejects.toThrow('1 run, 1 wait');
    first.end();
    await running;
    await expect(turns.run(() => Promise.resolve('free'))).resolves.toBe('free');
  });

  test('gives the place on when work fails', async () => {
    const turns = openTurns({ atOnce: 1, mostWaiting: 10, longestWaitMs: 5_000, refuse });
    const failing = turns.run(() => Promise.reject(new Error('no')));
    const next = turns.run(() => Promise.resolve('yes'));
    await expect(failing).rejects.toThrow('no');
    await expect(next).resolves.toBe('yes');
  });
});
