import { totalmem } from 'node:os';
import { failure, isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import { memoizeUnlessFailed } from '../share-in-flight';
import { buildSchema, readSpace, type TableSpace } from './chunk-rows';
import { openChunkTable, type ChunkTable } from './chunk-table';
import { lanceDb, type LanceConnection, type LanceSession, type LanceTable } from './lancedb';
import { buildAddress, type IndexLocation } from './location';
import { withStoreFailures } from './store-failure';
import { openWordCache } from './word-cache';

/** Each index version has its own table, so that a build never changes one that is in use. */
export interface TableName {
  readonly tenant: Tenant;
  readonly index: string;
  readonly version: number;
}

export interface ChunkStore {
  /** Create or open the table. Throws IndexMismatch when it has a different vector space. */
  create(name: TableName, space: TableSpace): Promise<ChunkTable>;
  /** Open the newest state, or the given one. Throws NotFound when it does not exist. */
  open(name: TableName, tableVersion?: number): Promise<ChunkTable>;
  /** Delete the table; does nothing when it does not exist. */
  drop(name: TableName): Promise<void>;
  close(): void;
}

/** LanceDB's default for one connection. A store has one per index but one cache for all. */
const maxIndexCache = 6 * 2 ** 30;
const metadataCache = 2 ** 28;

export function openChunkStore(location: IndexLocation): ChunkStore {
  const connections = new Map<string, Promise<LanceConnection>>();
  const words = openWordCache();
  let session: LanceSession | null = null;

  function connect(at: Pick<TableName, 'tenant' | 'index'>): Promise<LanceConnection> {
    const { uri, storageOptions } = buildAddress(location, at);
    return memoizeUnlessFailed(connections, uri, () =>
      withStoreFailures(`connect to ${uri}`, () =>
        lanceDb().connect(uri, { storageOptions, session: (session ??= openSession()) }),
      ),
    );
  }

  function withWords(table: LanceTable, space: TableSpace, name: TableName): ChunkTable {
    const known = `${name.tenant}/${describeTable(name)}`;
    let warmed = false;
    const onWords = () => {
      warmed = true;
      words.warm(table, known);
    };
    const opened = openChunkTable(table, space, { name: describeTable(name), onWords });
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
      const found = await withStoreFailures(`look for ${describeTable(name)}`, () =>
        connection.openTable(formatTableName(name)),
      ).catch(nullWhenMissing);
      const make = () =>
        connection.createEmptyTable(formatTableName(name), buildSchema(space), {
          mode: 'create',
          existOk: true,
        });
      const table = found ?? (await withStoreFailures(`create table ${describeTable(name)}`, make));
      const actual = readSpace(await table.schema());
      if (actual?.embedder !== space.embedder || actual.dimensions !== space.dimensions)
        throw failure(
          'IndexMismatch',
          `the table of ${describeTable(name)} already exists with a different embedder`,
        );
      return withWords(table, actual, name);
    },

    async open(name, tableVersion) {
      const connection = await connect(name);
      const table = await withStoreFailures(`open ${describeTable(name)}`, () =>
        connection.openTable(formatTableName(name)),
      );
      if (tableVersion !== undefined)
        await withStoreFailures(`open state ${tableVersion} of ${describeTable(name)}`, () =>
          table.checkout(tableVersion),
        );
      const space = readSpace(await table.schema());
      if (space === null)
        throw failure(
          'IndexMismatch',
          `the metadata of table ${describeTable(name)} does not name its embedder`,
        );
      return withWords(table, space, name);
    },

    async drop(name) {
      const connection = await connect(name);
      await withStoreFailures(`drop ${describeTable(name)}`, () =>
        connection.dropTable(formatTableName(name)),
      ).catch(nullWhenMissing);
    },

    close() {
      for (const connection of connections.values())
        void connection.then((open) => open.close()).catch(() => undefined);
      connections.clear();
    },
  };
}

/** Caches recently used indexes, up to a quarter of the memory of this process. */
function openSession(): LanceSession {
  const memory = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  return new (lanceDb().Session)(
    BigInt(Math.min(maxIndexCache, Math.floor(memory / 4))),
    BigInt(metadataCache),
  );
}

function formatTableName({ version }: TableName): string {
  return `v${version}`;
}

function describeTable({ index, version }: TableName): string {
  return `${index}@${version}`;
}

function nullWhenMissing(error: unknown): null {
  if (isPerennialError(error) && error.type === 'NotFound') return null;
  throw error;
}
