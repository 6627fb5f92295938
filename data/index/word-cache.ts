import type { LanceTable } from './lancedb';

/**
 * The largest text index that is read as a whole: about two million chunks of one or two sentences
 * (113 bytes each), an eighth of the cache on a machine with 8 GB.
 */
const maxBytes = 256 * 2 ** 20;

/** Warms the text indexes of one store, whose tables share a cache. */
export interface WordCache {
  /** Read the table's text index in the background, once for each state. Call it per question. */
  warm(table: LanceTable, name: string): void;
  /** Call it when a warmed table is closed; its version may be retired. */
  forget(name: string): void;
}

/**
 * LanceDB caches only the parts of a text index that a question has read; at 25,000 chunks, 8 ms of
 * 9 ms are reads from the bucket. Therefore the whole index is read into the cache, whose size
 * limits the memory of all indexes.
 */
export function openWordCache(): WordCache {
  const warmed = new Map<string, string>();

  async function read(table: LanceTable, name: string): Promise<void> {
    const index = (await table.listIndices()).find(({ columns }) => columns.includes('text'));
    if (index === undefined) return;
    const { indexUuid = '', numIndexedRows = 0, numSegments = 1, sizeBytes = 0 } = index;
    if (sizeBytes > maxBytes) return;
    // Every change is a new state of the table, but only a build or a compaction changes the index.
    const state = [indexUuid, numIndexedRows, numSegments].join('/');
    if (warmed.get(name) === state) return;
    warmed.set(name, state);
    await table.prewarmIndex(index.name);
  }

  return {
    warm(table, name) {
      // A failure makes questions slower, not wrong.
      read(table, name).catch(() => warmed.delete(name));
    },
    forget: (name) => void warmed.delete(name),
  };
}
