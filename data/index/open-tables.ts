import type { ChunkTable } from './chunk-table';

/** The most recently used tables, kept open with their caches. */
export interface OpenTables {
  /** Run `work` with the table, which stays open until then. */
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
  /** Removed from the map; the last user closes it. */
  dropped: boolean;
}

export function createOpenTables(max: number): OpenTables {
  const entries = new Map<string, OpenTable>();

  function drop(key: string, entry: OpenTable): void {
    if (entries.get(key) === entry) entries.delete(key);
    entry.dropped = true;
    if (entry.users === 0) void entry.table.then((table) => table.close()).catch(() => undefined);
  }

  function openEntry(key: string, open: () => Promise<ChunkTable>): OpenTable {
    const known = entries.get(key);
    const entry: OpenTable = known ?? { table: open(), users: 0, dropped: false };
    // Moved to the end, so that the first entry is the least recently used.
    entries.delete(key);
    entries.set(key, entry);
    for (const [oldest, each] of entries) {
      if (entries.size <= max) break;
      drop(oldest, each);
    }
    return entry;
  }

  return {
    async use(key, open, work) {
      const entry = openEntry(key, open);
      entry.users += 1;
      try {
        const table = await entry.table.catch((error: unknown) => {
          // So that the next use opens it again.
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
