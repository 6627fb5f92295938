import type { ComputeKind, JobResources } from '../training/job';

/** What the resources of one compute backend cost, in US dollars per hour. */
export interface ComputePrice {
  readonly cpuHour: number;
  readonly memoryGibHour: number;
  readonly gpuHour: number;
  /** Queue of the engine → factor on all its prices, such as 0.3 for preemptible machines. */
  readonly queues: Readonly<Record<string, number>>;
}

/** A backend without an entry has no price. */
export type ComputePrices = Readonly<Partial<Record<ComputeKind, ComputePrice>>>;

type PricedResources = Pick<JobResources, 'cpus' | 'memoryBytes' | 'gpus' | 'queue'>;

/** US dollars for one hour of these resources; null when the backend has no price. */
export function usdPerHour(
  prices: ComputePrices,
  backend: ComputeKind,
  { cpus, memoryBytes, gpus = 0, queue }: PricedResources,
): number | null {
  const price = prices[backend];
  if (!price) return null;
  const factor = (queue === undefined ? undefined : price.queues[queue]) ?? 1;
  return (
    factor *
    (cpus * price.cpuHour + (memoryBytes / 2 ** 30) * price.memoryGibHour + gpus * price.gpuHour)
  );
}

/** One line for people, such as `$0.04 per CPU-hour, $1.2 per GPU-hour`. */
export function formatPrice({ cpuHour, memoryGibHour, gpuHour, queues }: ComputePrice): string {
  const parts = [
    `$${short(cpuHour)} per CPU-hour`,
    ...(memoryGibHour > 0 ? [`$${short(memoryGibHour)} per GiB-hour of memory`] : []),
    ...(gpuHour > 0 ? [`$${short(gpuHour)} per GPU-hour`] : []),
    ...Object.entries(queues).map(([queue, factor]) => `× ${short(factor)} in queue ${queue}`),
  ];
  return parts.join(', ');
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
