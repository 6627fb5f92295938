import { measureLongestPause } from '../time/longest-pause';

/**
 * Requests `/livez` of a server in this process repeatedly while the work runs. `pauseMs` is the
 * longest wait of such a request for the event loop, in the best of up to three tries.
 */
export async function livezDuring<T>(
  url: string,
  limitMs: number,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly pauseMs: number }> {
  const { value, milliseconds } = await measureLongestPause(limitMs, () => whileAlive(url, work));
  return { value, pauseMs: milliseconds };
}

async function whileAlive<T>(url: string, work: () => Promise<T>): Promise<T> {
  let hasEnded = false;
  const asking = (async () => {
    do {
      const { status } = await fetch(`${url}/livez`);
      if (status !== 200) throw new Error(`/livez answered ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    } while (!hasEnded);
  })();
  try {
    const [value] = await Promise.all([work().finally(() => (hasEnded = true)), asking]);
    return value;
  } finally {
    hasEnded = true;
  }
}
