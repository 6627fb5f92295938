import type { ChunkTable } from './chunk-table';

/** Tables that are kept open, each with its caches: the most recently asked ones. */
export interface OpenTables {
  /** The table stays open until `work` is done, whatever else is opened meanwhile. */
  use<T>(
    key: string,
    open: () => Promise<ChunkTable>,
    work: (table: ChunkTable) => Promise<T>,
  ): Promise<T>;
  close(): void;
}

interface OpenTable {
  readonly table: Promise<ChunkTable>;
  users: number;
  /** Out of the map: the last user closes it. */
  dropped: boolean;
}

export function createOpenTables(most: number): OpenTables {
  const entries = new Map<string, OpenTable>();

  function drop(key: string, entry: OpenTable): void {
    if (entries.get(key) === entry) entries.delete(key);
    entry.dropped = true;
    if (entry.users === 0) void entry.table.then((table) => table.close()).catch(() => undefined);
  }

  function entryOf(key: string, open: () => Promise<ChunkTable>): OpenTable {
    const known = entries.get(key);
    const entry: OpenTable = known ?? { table: open(), users: 0, dropped: false };
    // Behind the others: the first of the map is the one that nobody has asked for longest.
    entries.delete(key);
    entries.set(key, entry);
    for (const [oldest, each] of entries) {
      if (entries.size <= most) break;
      drop(oldest, each);
    }
    return entry;
  }

  return {
    async use(key, open, work) {
      const entry = entryOf(key, open);
      entry.users += 1;
      try {
        const table = await entry.table.catch((error: unknown) => {
          // The next one tries again.
          drop(key, entry);
          throw error;
        });
        return await work(table);
      } finally {
        entry.users -= 1;
        if (entry.dropped) drop(key, entry);
      }
    },
    close() {
      for (const [key, entry] of entries) drop(key, entry);
    },
  };
}
