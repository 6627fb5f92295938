import { bulkhead } from 'cockatiel';
import type { ConcurrencySlot } from '../attempt';

/** The most questions in progress. A crash can leave so many unrecorded, or to be paid again. */
export function maxInProgress(parallel: number): number {
  return parallel + Math.ceil(parallel / 4);
}

/** Limits the work in progress of one list, or of several lists that are processed together. */
export interface Pool {
  readonly work: ConcurrencySlot;
  /** Within `work`: held while the provider is asked. */
  readonly place: ConcurrencySlot;
}

export function openPool(parallel: number): Pool {
  const [working, places] = [
    bulkhead(maxInProgress(parallel), Infinity),
    bulkhead(parallel, Infinity),
  ];
  return { work: (each) => working.execute(each), place: (held) => places.execute(held) };
}

/**
 * Like `inParallel`, but only the use of a place is limited to `parallel`. A quarter more items are
 * in progress, so that the provider gets its next question while an answer is recorded. With a
 * shared pool each list stays at `parallel`, which suits a server that caches prompts.
 */
export async function inConcurrencySlots<T, R>(
  items: readonly T[],
  { parallel, pool }: { readonly parallel: number; readonly pool?: Pool | undefined },
  work: (item: T, place: ConcurrencySlot) => Promise<R>,
): Promise<readonly R[]> {
  const { work: working, place } = pool ?? openPool(parallel);
  return inParallel(items, pool ? parallel : maxInProgress(parallel), (item) =>
    working(() => work(item, place)),
  );
}

/**
 * Run `work` on each item, at most `parallel` at once, in their order. After the first failure no
 * item starts; those in progress complete, because their answers are paid, and then it is thrown.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  parallel: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  let next = 0;
  const lane = async () => {
    while (failures.length === 0 && next < items.length) {
      const index = next;
      next += 1;
      try {
        results[index] = await work(items[index] as T, index);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(parallel, items.length)) }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}
