import { bulkhead } from 'cockatiel';
import type { Place } from '../model-access';

/**
 * Questions that are with a provider, on record for it, or being written down: so many can a death
 * cost, or leave in doubt.
 */
export function mostUnderWay(parallel: number): number {
  return parallel + Math.ceil(parallel / 4);
}

/**
 * What is under way at once, of one list of items or of several that are worked on beside each
 * other.
 */
export interface Pool {
  readonly work: Place;
  /** Within `work`: with whoever is asked. */
  readonly place: Place;
}

export function openPool(parallel: number): Pool {
  const [working, places] = [
    bulkhead(mostUnderWay(parallel), Infinity),
    bulkhead(parallel, Infinity),
  ];
  return { work: (each) => working.execute(each), place: (held) => places.execute(held) };
}

/**
 * Like `inParallel`, but what takes a place is bounded alone: a quarter more items are under way,
 * so that who is asked has its next question while the last answer is written down. Not of a list
 * beside others in one pool: a server that keeps prompts is to have one of each, which is worth
 * more.
 */
export async function inPlaces<T, R>(
  items: readonly T[],
  { parallel, pool }: { readonly parallel: number; readonly pool?: Pool | undefined },
  work: (item: T, place: Place) => Promise<R>,
): Promise<readonly R[]> {
  const { work: working, place } = pool ?? openPool(parallel);
  return inParallel(items, pool ? parallel : mostUnderWay(parallel), (item) =>
    working(() => work(item, place)),
  );
}

/**
 * `work` on each item, at most `parallel` at once, in their order. The first failure starts no
 * further item, waits for those under way, whose answers are paid, and is then thrown.
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
