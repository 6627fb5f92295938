import { openTurns } from '../../db/turns';

const refuse = ({ running, waiting }: { readonly running: number; readonly waiting: number }) =>
  new Error(`${running} run, ${waiting} wait`);

/** Work that ends on request. */
function work() {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  return { end, run: () => ended };
}

describe('a bounded queue', () => {
  test('runs a limited number at once, and the others in their order of arrival', async () => {
    const turns = openTurns({ maxRunning: 2, maxWaiting: 10, maxWaitMs: 5_000, refuse });
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

  test('refuses requests beyond the queue limit at once', async () => {
    const turns = openTurns({ maxRunning: 1, maxWaiting: 1, maxWaitMs: 5_000, refuse });
    const [first, second] = [work(), work()];
    const all = [turns.run(first.run), turns.run(second.run)];
    await expect(turns.run(() => Promise.resolve())).rejects.toThrow('1 run, 1 wait');
    first.end();
    second.end();
    await Promise.all(all);
    await expect(turns.run(() => Promise.resolve('again'))).resolves.toBe('again');
  });

  test('refuses a request that has waited too long, and frees its place', async () => {
    const turns = openTurns({ maxRunning: 1, maxWaiting: 10, maxWaitMs: 20, refuse });
    const first = work();
    const running = turns.run(first.run);
    await expect(turns.run(() => Promise.resolve())).rejects.toThrow('1 run, 1 wait');
    first.end();
    await running;
    await expect(turns.run(() => Promise.resolve('free'))).resolves.toBe('free');
  });

  test('passes the place on when work fails', async () => {
    const turns = openTurns({ maxRunning: 1, maxWaiting: 10, maxWaitMs: 5_000, refuse });
    const failing = turns.run(() => Promise.reject(new Error('no')));
    const next = turns.run(() => Promise.resolve('yes'));
    await expect(failing).rejects.toThrow('no');
    await expect(next).resolves.toBe('yes');
  });
});
