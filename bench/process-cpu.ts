/** Processor time by part of the product, which depends less on other load than wall-clock time. */
import { readFileSync } from 'node:fs';
import type { Product } from '../test/support/process/product';

export type ProcessCpu = Readonly<Record<string, number>>;

const parts: readonly (readonly [string, RegExp])[] = [
  ['worker', /main\.ts\0worker/],
  ['api', /main\.ts\0api/],
  ['gateway', /main\.ts\0gateway/],
  ['jobs', /host\.py/],
  ['optuna', /service\.py/],
  ['postgres', /postgres/],
  ['temporal', /temporal/],
  ['s3', /weed/],
];

/** Seconds of all threads and ended children so far, by part; empty without /proc. */
export function processCpu(product: Product): ProcessCpu {
  const seconds: Record<string, number> = {};
  for (const pid of product.pids('')) {
    const found = readTimes(pid);
    if (found === null) continue;
    const part = parts.find(([, command]) => command.test(found.command))?.[0] ?? 'other';
    seconds[part] = (seconds[part] ?? 0) + found.seconds;
  }
  return seconds;
}

export function between(before: ProcessCpu, after: ProcessCpu): ProcessCpu {
  return Object.fromEntries(
    Object.entries(after).map(([part, seconds]) => [part, seconds - (before[part] ?? 0)]),
  );
}

const ticksPerSecond = 100;

function readTimes(pid: number): { readonly command: string; readonly seconds: number } | null {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [user, system, deadUser, deadSystem] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 15)
      .map(Number);
    // The worker's children run jobs and are counted separately.
    const ownChildren = command.includes('host.py') ? (deadUser ?? 0) + (deadSystem ?? 0) : 0;
    return { command, seconds: ((user ?? 0) + (system ?? 0) + ownChildren) / ticksPerSecond };
  } catch {
    return null;
  }
}
