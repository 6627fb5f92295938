import { formatByteSize } from '../byte-size';
import type { JobResources } from './job';

/** A job that ended because its memory ran out. */
export interface MemoryShortage {
  readonly resources: Pick<JobResources, 'memoryBytes' | 'maxMemoryBytes'>;
  /** What the ended attempt had. */
  readonly allowedBytes: number;
  /** The most that the backend has; unknown if undefined. */
  readonly mostBytes: number | undefined;
}

/** A job whose memory ran out gets twice as much, once. Null if it gets no more. */
export function moreMemory({
  resources,
  allowedBytes,
  mostBytes = Infinity,
}: MemoryShortage): number | null {
  const { memoryBytes, maxMemoryBytes = Infinity } = resources;
  if (allowedBytes > memoryBytes) return null;
  const more = Math.min(2 * memoryBytes, maxMemoryBytes, mostBytes);
  return more > memoryBytes ? more : null;
}

/** Why the job gets no more memory, and the next step. */
export function memoryAdvice({ resources, allowedBytes, mostBytes }: MemoryShortage): string {
  const { memoryBytes, maxMemoryBytes } = resources;
  if (allowedBytes > memoryBytes)
    return (
      `Its memory ran out with ${bytes(memoryBytes)} and again with ${bytes(allowedBytes)}. ` +
      `Set compute.memory above ${bytes(allowedBytes)}, or use less data`
    );
  const isLimited = maxMemoryBytes !== undefined && maxMemoryBytes <= memoryBytes;
  const limit = isLimited
    ? `compute.maxMemory is ${bytes(maxMemoryBytes)}`
    : `the machine has ${bytes(mostBytes ?? memoryBytes)}`;
  return (
    `It was not started again with more than ${bytes(memoryBytes)}, because ${limit}. ` +
    (isLimited ? 'Raise it, or use less data' : 'Use a larger machine, or less data')
  );
}

function bytes(count: number): string {
  return formatByteSize(Math.round(count / 2 ** 20) * 2 ** 20);
}
