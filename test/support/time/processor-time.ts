import type { Timed } from './fastest-of';

/**
 * Runs the work and measures the processor time of this process, which does not depend on other
 * load.
 */
export async function processorTime<T>(work: () => T | Promise<T>): Promise<Timed<T>> {
  const before = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(before);
  return { value, milliseconds: (user + system) / 1000 };
}
