import { totalmem } from 'node:os';
import { failure, isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import { keepUnlessFailed } from '../share-in-flight';
import { schemaOf, spaceOf, type TableSpace } from './chunk-rows';
import { openChunkTable, type ChunkTable } from './chunk-table';
import { lanceDb, type LanceConnection, type LanceSession, type LanceTable } from './lancedb';
import { addressOf, type IndexLocation } from './location';
import { guarded } from './store-failure';
import { openWordCache } from './word-cache';

/**
 * Which table: each version of an index has its own, so that building one never touches what
 * another answers from.
 */
export interface TableName {
  readonly tenant: Tenant;
  readonly index: string;
  readonly version: number;
}

export interface ChunkStore {
  /** Fine when it is there; IndexMismatch when it is there for another vector space. */
  create(name: TableName, space: TableSpace): Promise<ChunkTable>;
  /** At the newest state, or at a table version; NotFound when it is not there. */
  open(name: TableName, tableVersion?: number): Promise<ChunkTable>;
  /** Fine when it is gone. */
  drop(name: TableName): Promise<void>;
  close(): void;
}

/**
 * LanceDB's own for one connection; a store has a connection for each index, and one cache for all
 * of them.
 */
const mostIndexCache = 6 * 2 ** 30;
const metadataCache = 2 ** 28;

export function openChunkStore(location: IndexLocation): ChunkStore {
  const connections = new Map<string, Promise<LanceConnection>>();
  const words = openWordCache();
  let session: LanceSession | null = null;

  function connect(at: Pick<TableName, 'tenant' | 'index'>): Promise<LanceConnection> {
    const { uri, storageOptions } = addressOf(location, at);
    return keepUnlessFailed(connections, uri, () =>
      guarded(`connect to ${uri}`, () =>
        lanceDb().connect(uri, { storageOptions, session: (session ??= openSession()) }),
      ),
    );
  }

  function withWords(table: LanceTable, space: TableSpace, name: TableName): ChunkTable {
    const known = `${name.tenant}/${told(name)}`;
    let warmed = false;
    const onWords = () => {
      warmed = true;
      words.warm(table, known);
    };
    const opened = openChunkTable(table, space, { name: told(name), onWords });
    return {
      ...opened,
      close() {
        if (warmed) words.forget(known);
        opened.close();
      },
    };
  }

  return {
    async create(name, space) {
      const connection = await connect(name);
      const there = await guarded(`look for ${told(name)}`, () =>
        connection.openTable(tableOf(name)),
      ).catch(nullWhenMissing);
      const make = () =>
        connection.createEmptyTable(tableOf(name), schemaOf(space), {
          mode: 'create',
          existOk: true,
        });
      const table = there ?? (await guarded(`make table ${told(name)}`, make));
      const found = spaceOf(await table.schema());
      if (found?.embedder !== space.embedder || found.dimensions !== space.dimensions)
        throw failure(
          'IndexMismatch',
          `the table of ${told(name)} is there already, for another embedder`,
        );
      return withWords(table, found, name);
    },

    async open(name, tableVersion) {
      const connection = await connect(name);
      const table = await guarded(`open ${told(name)}`, () => connection.openTable(tableOf(name)));
      if (tableVersion !== undefined)
        await guarded(`open state ${tableVersion} of ${told(name)}`, () =>
          table.checkout(tableVersion),
        );
      const space = spaceOf(await table.schema());
      if (space === null)
        throw failure(
          'IndexMismatch',
          `the table of ${told(name)} does not say which embedder filled it`,
        );
      return withWords(table, space, name);
    },

    async drop(name) {
      const connection = await connect(name);
      await guarded(`drop ${told(name)}`, () => connection.dropTable(tableOf(name))).catch(
        nullWhenMissing,
      );
    },

    close() {
      for (const connection of connections.values())
        void connection.then((open) => open.close()).catch(() => undefined);
      connections.clear();
    },
  };
}

/**
 * Indexes that were asked stay in memory, up to a quarter of what this process may have; the ones
 * that were asked longest ago make room.
 */
function openSession(): LanceSession {
  const memory = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  return new (lanceDb().Session)(
    BigInt(Math.min(mostIndexCache, Math.floor(memory / 4))),
    BigInt(metadataCache),
  );
}

function tableOf({ version }: TableName): string {
  return `v${version}`;
}

function told({ index, version }: TableName): string {
  return `${index}@${version}`;
}

function nullWhenMissing(error: unknown): null {
  if (isPerennialError(error) && error.type === 'NotFound') return null;
  throw error;
}
