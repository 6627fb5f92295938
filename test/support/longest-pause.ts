/** Runs the work, and measures for how long this process's event loop stood still meanwhile: for so long a request to `/livez` would have waited. */
export async function longestPause<T>(
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly pauseMs: number; readonly milliseconds: number }> {
  const startedAt = performance.now();
  let pauseMs = 0;
  let last = startedAt;
  const look = (): void => {
    const now = performance.now();
    pauseMs = Math.max(pauseMs, now - last);
    last = now;
  };
  const looking = setInterval(look, 5);
  try {
    const value = await work();
    look();
    return { value, pauseMs, milliseconds: performance.now() - startedAt };
  } finally {
    clearInterval(looking);
  }
}
