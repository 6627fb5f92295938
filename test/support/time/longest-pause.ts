import { fastestOf, type Timed } from './fastest-of';

/**
 * Runs the work and measures the longest turn of this process's event loop meanwhile: for so long a
 * request to `/livez` would have waited. A turn counts by the processor time that was used in it
 * where that is less, since a process that is not given a processor blocks nothing.
 */
async function longestPause<T>(work: () => Promise<T>): Promise<Timed<T>> {
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

/**
 * The longest pause, in milliseconds, of the best of three tries, and what the work returned in it.
 */
export const longestPauseOf = <T>(limitMs: number, work: () => Promise<T>): Promise<Timed<T>> =>
  fastestOf(3, limitMs, () => longestPause(work));
