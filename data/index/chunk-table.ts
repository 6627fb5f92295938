import type { Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import type { VectorKind } from '../../domain/index/vector-index';
import type { ChunkRow, TableSpace } from './chunk-rows';
import { checkVector, firstChunks, toArrow } from './chunk-rows';
import type { LanceTable } from './lancedb';
import { openVectorSearch, rowNumber, type VectorSearch } from './vector-search';
import { withStoreFailures } from './store-failure';
import { buildIndexes, compact, type TableState, unindexedRows } from './table-indexes';

export type StoredChunk = Omit<ChunkRow, 'digest' | 'shard' | 'vector'>;

export interface ChunkHit extends StoredChunk {
  /** Cosine similarity or BM25; higher is nearer. */
  readonly score: number;
}

/** A row by its number, which is valid only in the state that was queried. */
export interface RankedRow {
  readonly id: string;
  readonly score: number;
}

/** One table of chunks. Each write is one commit. Reads stay at the state that was opened. */
export interface ChunkTable {
  readonly space: TableSpace;
  tableVersion(): Promise<number>;
  count(): Promise<number>;
  /**
   * Make these rows the content of the shard; repeating it is harmless. `written` is false when
   * they were there. Throws IndexIncomplete when rows are missing afterwards.
   */
  putShard(shard: number, rows: readonly ChunkRow[]): Promise<{ readonly written: boolean }>;
  countShard(shard: number): Promise<number>;
  /** Remove everything that was written after this state. */
  restoreTo(tableVersion: number): Promise<void>;
  /**
   * Replace the chunks of these documents by the rows, in one commit. Throws IndexIncomplete when
   * the table then has unexpected rows, for example of a worker that was considered dead.
   */
  replaceDocuments(documents: readonly string[], rows: readonly ChunkRow[]): Promise<TableState>;
  /** The vectors of these documents, by the digest of the text. */
  readVectors(documents: readonly string[]): Promise<ReadonlyMap<Digest, Float32Array>>;
  /** Count chunks and documents, and list the ids of duplicate chunks. */
  audit(): Promise<{
    readonly chunks: number;
    readonly documents: number;
    readonly duplicates: readonly string[];
  }>;
  /**
   * Compact the table and build or update the indexes for vectors, text and document ids. Deletes
   * earlier states.
   */
  buildIndexes(vectors: VectorKind): Promise<void>;
  /** The number of rows that are not in an index yet and are scanned one by one. */
  unindexedRows(): Promise<number>;
  /**
   * Merge the small fragments that changes left behind, starting from this state, and index them.
   * The result is a new state with the same rows. The old state, and those of some hours before it,
   * remain readable.
   */
  compact(noted: number): Promise<TableState>;
  nearest(search: VectorSearch): Promise<readonly ChunkHit[]>;
  matching(text: string, k: number): Promise<readonly ChunkHit[]>;
  /** The same rankings without the content of the rows, which is slow to read from S3. */
  rankNearest(search: VectorSearch): Promise<readonly RankedRow[]>;
  rankMatching(text: string, k: number): Promise<readonly RankedRow[]>;
  chunksAt(rows: readonly string[]): Promise<ReadonlyMap<string, StoredChunk>>;
  close(): void;
}

const shown = [
  'chunk_id',
  'document_id',
  'ordinal',
  'start',
  'end',
  'title',
  'heading',
  'source',
  'text',
] as const;
/** LanceDB parses predicates as text, and thousands of ids in one are slower than several. */
const idsAtOnce = 500;

export function openChunkTable(
  table: LanceTable,
  space: TableSpace,
  { name, onWords }: { readonly name: string; readonly onWords: () => void },
): ChunkTable {
  const run = <T>(what: string, work: () => Promise<T>) =>
    withStoreFailures(`${what} ${name}`, work);
  const ask = openVectorSearch(table, run);
  // Quotation marks would start a phrase query, which needs an index with positions.
  const formatQuestion = (text: string) => {
    onWords();
    return table.query().fullTextSearch(text.replaceAll('"', ' '), { columns: ['text'] });
  };

  async function putShard(
    shard: number,
    rows: readonly ChunkRow[],
  ): Promise<{ readonly written: boolean }> {
    const where = `shard = ${shard}`;
    await run('refresh', () => table.checkoutLatest());
    const before = await run('count', () => table.countRows(where));
    if (before === rows.length) return { written: false };
    if (before > 0) await run('delete a shard of', () => table.delete(where));
    if (rows.length > 0) await run('write to', () => table.add(toArrow(rows, space)));
    const after = await run('count', () => table.countRows(where));
    if (after !== rows.length)
      throw incomplete(name, `shard ${shard} has ${after} of ${rows.length} chunks`);
    return { written: true };
  }

  async function restoreTo(tableVersion: number): Promise<void> {
    await run('refresh', () => table.checkoutLatest());
    if ((await run('read', () => table.version())) === tableVersion) return;
    await run(`open state ${tableVersion} of`, () => table.checkout(tableVersion));
    await run('restore', () => table.restore());
  }

  async function replaceDocuments(
    documents: readonly string[],
    rows: readonly ChunkRow[],
  ): Promise<TableState> {
    await run('refresh', () => table.checkoutLatest());
    const count = (filter?: string) => run('count', () => table.countRows(filter));
    if (documents.length === 0)
      return {
        tableVersion: await run('read', () => table.version()),
        chunks: await count(),
        documents: await count(firstChunks),
      };
    const where = inList('document_id', documents);
    const [before, held] = [await count(), await count(where)];
    const merge = () =>
      table
        .mergeInsert('chunk_id')
        .whenMatchedUpdateAll()
        .whenNotMatchedInsertAll()
        .whenNotMatchedBySourceDelete({ where });
    // The state of this commit; the newest state may be that of another writer.
    const { version: tableVersion } =
      rows.length === 0
        ? await run('delete from', () => table.delete(where))
        : await run('write to', () => merge().execute(toArrow(rows, space)));
    await run(`open state ${tableVersion} of`, () => table.checkout(tableVersion));
    const [chunks, those, all] = [await count(), await count(where), await count(firstChunks)];
    await run('refresh', () => table.checkoutLatest());
    if (those !== rows.length)
      throw incomplete(
        name,
        `${documents.length} changed documents have ${those} of ${rows.length} chunks`,
      );
    if (chunks !== before - held + rows.length)
      throw incomplete(
        name,
        `${chunks} chunks after a change, expected ${before - held + rows.length}: ` +
          'another process has written to the table',
      );
    return { tableVersion, chunks, documents: all };
  }

  return {
    space,
    tableVersion: () => run('read', () => table.version()),
    count: () => run('count', () => table.countRows()),
    putShard,
    restoreTo,
    countShard: (shard) => run('count', () => table.countRows(`shard = ${shard}`)),
    replaceDocuments,

    async readVectors(documents) {
      const found = new Map<Digest, Float32Array>();
      for (let from = 0; from < documents.length; from += idsAtOnce) {
        const where = inList('document_id', documents.slice(from, from + idsAtOnce));
        const rows = await run('read', () =>
          table.query().where(where).select(['digest', 'vector']).toArray(),
        );
        for (const { digest, vector } of rows) found.set(digest as Digest, toFloats(vector));
      }
      return found;
    },

    async audit() {
      await run('refresh', () => table.checkoutLatest());
      const rows = await run('read', () =>
        table.query().select(['chunk_id', 'document_id']).toArray(),
      );
      const chunks = new Set<string>();
      const documents = new Set<string>();
      const duplicates: string[] = [];
      for (const { chunk_id: chunk, document_id: document } of rows) {
        if (chunks.has(chunk as string)) duplicates.push(chunk as string);
        chunks.add(chunk as string);
        documents.add(document as string);
      }
      return { chunks: rows.length, documents: documents.size, duplicates };
    },

    buildIndexes: (vectors) => buildIndexes(table, { vectors, space, run }),
    unindexedRows: () => unindexedRows(table, run),
    compact: (noted) => compact(table, { noted, space, restoreTo, run }),

    async nearest(search) {
      checkVector(search.vector, space.dimensions, 'the question');
      return (await ask(search, shown)).map(({ row, score }) => ({ ...toChunk(row), score }));
    },

    async matching(text, k) {
      const query = formatQuestion(text)
        .select([...shown, '_score'])
        .limit(k);
      const rows = await run('query', () => query.toArray());
      return rows.map((row) => ({ ...toChunk(row), score: Number(row['_score']) }));
    },

    async rankNearest(search) {
      checkVector(search.vector, space.dimensions, 'the question');
      return (await ask(search, [rowNumber])).map(({ row, score }) => ({
        id: String(row[rowNumber]),
        score,
      }));
    },

    async rankMatching(text, k) {
      const query = formatQuestion(text).select(['_score']).withRowId().limit(k);
      const rows = await run('query', () => query.toArray());
      return rows.map((row) => ({ id: String(row[rowNumber]), score: Number(row['_score']) }));
    },

    async chunksAt(ids) {
      if (ids.length === 0) return new Map();
      const rows = await run('read', () =>
        table.takeRowIds(ids.map(BigInt)).select(shown).withRowId().toArray(),
      );
      return new Map(rows.map((row) => [String(row[rowNumber]), toChunk(row)]));
    },

    close: () => table.close(),
  };
}

function inList(column: string, values: readonly string[]): string {
  return `${column} in (${values.map((value) => `'${value.replaceAll("'", "''")}'`).join(', ')})`;
}

function incomplete(name: string, why: string): Error {
  return failure('IndexIncomplete', `index ${name}: ${why}`);
}

function toChunk(row: Readonly<Record<string, unknown>>): StoredChunk {
  const text = (name: string): string | null => (typeof row[name] === 'string' ? row[name] : null);
  return {
    chunkId: text('chunk_id') ?? '',
    documentId: text('document_id') ?? '',
    ordinal: Number(row['ordinal']),
    start: Number(row['start']),
    end: Number(row['end']),
    title: text('title'),
    heading: text('heading'),
    source: text('source'),
    text: text('text') ?? '',
  };
}

/** Copied, because Arrow returns a list as a view into a batch that is released. */
function toFloats(vector: unknown): Float32Array {
  const { toArray } = vector as { toArray?: () => Iterable<number> };
  return Float32Array.from(toArray ? toArray.call(vector) : (vector as Iterable<number>));
}
