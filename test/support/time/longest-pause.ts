import { measureFastest, type Timed } from './fastest-of';

/**
 * Runs the work and measures the longest turn of this process's event loop, which is the longest
 * wait of a request to `/livez`. A turn counts by its processor time if that is shorter, because a
 * process that waits for a processor does not block.
 */
async function maxPause<T>(work: () => Promise<T>): Promise<Timed<T>> {
  let milliseconds = 0;
  let last = { at: performance.now(), used: process.cpuUsage() };
  const look = (): void => {
    const [at, { user, system }] = [performance.now(), process.cpuUsage(last.used)];
    milliseconds = Math.max(milliseconds, Math.min(at - last.at, (user + system) / 1000));
    last = { at, used: process.cpuUsage() };
  };
  const looking = setInterval(look, 5);
  try {
    const value = await work();
    look();
    return { value, milliseconds };
  } finally {
    clearInterval(looking);
  }
}

/** The longest pause in milliseconds in the best of three tries, and the result of the work. */
export const measureLongestPause = <T>(
  limitMs: number,
  work: () => Promise<T>,
): Promise<Timed<T>> => measureFastest(3, limitMs, () => maxPause(work));
