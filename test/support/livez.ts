/** Asks `/livez` over and over while the work goes on. `slowestMs` is how long the slowest answer took. */
export async function livezDuring<T>(
  url: string,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly slowestMs: number; readonly asked: number }> {
  let slowestMs = 0;
  let asked = 0;
  let ended = false;
  const asking = (async () => {
    do {
      const startedAt = performance.now();
      const { status } = await fetch(`${url}/livez`);
      if (status !== 200) throw new Error(`/livez answered ${status}`);
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, 10));
    } while (!ended);
  })();
  try {
    const value = await work();
    ended = true;
    await asking;
    return { value, slowestMs, asked };
  } finally {
    ended = true;
  }
}
