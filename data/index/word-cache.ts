import type { LanceTable } from './lancedb';

/**
 * Some two million pieces of a sentence or two (113 bytes each): an eighth of the cache on a
 * machine of 8 GB. Of larger ones each list is kept as it is asked.
 */
const most = 256 * 2 ** 20;

/** Of one store, whose tables share a cache. */
export interface WordCache {
  /**
   * Called with each question by words; what it does, it does beside it, once for each state of a
   * table's index.
   */
  warm(table: LanceTable, name: string): void;
  /**
   * Called when a table that was warmed is closed: it may be a retired version's, which nobody asks
   * again.
   */
  forget(name: string): void;
}

/**
 * LanceDB keeps of a list of words only what a question has read of it, and reads from the bucket
 * at the next question again: at 25,000 pieces 8 ms of 9. So all of it is read into the cache,
 * which bounds what the indexes of a process take together.
 */
export function openWordCache(): WordCache {
  const warmed = new Map<string, string>();

  async function read(table: LanceTable, name: string): Promise<void> {
    const index = (await table.listIndices()).find(({ columns }) => columns.includes('text'));
    if (index === undefined) return;
    const { indexUuid = '', numIndexedRows = 0, numSegments = 1, sizeBytes = 0 } = index;
    if (sizeBytes > most) return;
    // Changes are a state of the table each; only a build or a compaction makes another index.
    const state = [indexUuid, numIndexedRows, numSegments].join('/');
    if (warmed.get(name) === state) return;
    warmed.set(name, state);
    await table.prewarmIndex(index.name);
  }

  return {
    warm(table, name) {
      // Without it questions are slower, and right.
      read(table, name).catch(() => warmed.delete(name));
    },
    forget: (name) => void warmed.delete(name),
  };
}
