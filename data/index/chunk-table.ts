import type { Digest } from '../../domain/dataset/artifact';
import { failure } from '../../domain/failure';
import type { VectorKind } from '../../domain/index/vector-index';
import type { ChunkRow, TableSpace } from './chunk-rows';
import { checkVector, firstChunks, toArrow } from './chunk-rows';
import type { LanceTable } from './lancedb';
import { openNearest, rowNumber, type VectorSearch } from './nearest';
import { guarded } from './store-failure';
import { buildIndexes, compact, unindexedRows } from './table-indexes';

export type StoredChunk = Omit<ChunkRow, 'digest' | 'shard' | 'vector'>;

export interface ChunkHit extends StoredChunk {
  /** Cosine similarity, or BM25: higher is nearer. */
  readonly score: number;
}

/** A row by its number, which is its own in the state that was asked, and no other's. */
export interface RankedRow {
  readonly id: string;
  readonly score: number;
}

/** A state of a table, and what is in it. */
export interface TableState {
  readonly tableVersion: number;
  readonly chunks: number;
  readonly documents: number;
}

/**
 * One table of chunks. Every write is one commit; what is read stays at the state that was opened.
 */
export interface ChunkTable {
  readonly space: TableSpace;
  tableVersion(): Promise<number>;
  count(): Promise<number>;
  /**
   * Exactly these rows are the shard's from now on, however often it is done and whoever died
   * before; `written` is false when they were there. IndexIncomplete when they are not all there
   * afterwards.
   */
  putShard(shard: number, rows: readonly ChunkRow[]): Promise<{ readonly written: boolean }>;
  countShard(shard: number): Promise<number>;
  /** What was written behind this state, by whoever, is no part of the table any more. */
  restoreTo(tableVersion: number): Promise<void>;
  /**
   * In one commit: what the documents had goes, the rows come. IndexIncomplete when the table then
   * holds anything else than it should, such as rows of a worker that was thought dead.
   */
  replaceDocuments(documents: readonly string[], rows: readonly ChunkRow[]): Promise<TableState>;
  /** Vectors of these documents by the digest of their text. */
  vectorsOf(documents: readonly string[]): Promise<ReadonlyMap<Digest, Float32Array>>;
  /** Documents, and ids of chunks that are there twice. */
  audit(): Promise<{
    readonly chunks: number;
    readonly documents: number;
    readonly duplicates: readonly string[];
  }>;
  /**
   * Compacts the table, and builds indexes for vectors, words and document ids; those that are
   * there are brought up to date. States before it are gone afterwards.
   */
  buildIndexes(vectors: VectorKind): Promise<void>;
  /** Rows that an index has not seen: they are found by looking at each. */
  unindexedRows(): Promise<number>;
  /**
   * From this state, what changes left in many small parts becomes few large ones, which the
   * indexes have seen, in few segments: the same rows, in a state of its own behind it. Questions
   * may go on at the old one: it stays, and those of some hours before it.
   */
  compact(noted: number): Promise<TableState>;
  nearest(search: VectorSearch): Promise<readonly ChunkHit[]>;
  matching(text: string, k: number): Promise<readonly ChunkHit[]>;
  /**
   * The same rankings without what stands in the rows: over S3 that is most of what a question
   * waits for.
   */
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
/**
 * A predicate's text is parsed by LanceDB; thousands of ids in one would take longer than several
 * questions.
 */
const idsAtOnce = 500;

export function openChunkTable(
  table: LanceTable,
  space: TableSpace,
  { name, onWords }: { readonly name: string; readonly onWords: () => void },
): ChunkTable {
  const run = <T>(what: string, work: () => Promise<T>) => guarded(`${what} ${name}`, work);
  const ask = openNearest(table, run);
  // Quotation marks would ask for a phrase, which an index without positions does not know.
  const asked = (text: string) => {
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
    if (before > 0) await run('clear a shard of', () => table.delete(where));
    if (rows.length > 0) await run('write to', () => table.add(toArrow(rows, space)));
    const after = await run('count', () => table.countRows(where));
    if (after !== rows.length)
      throw incomplete(name, `shard ${shard} holds ${after} chunks of ${rows.length}`);
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
    // The number of this commit: the newest one may be somebody else's.
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
        `${documents.length} changed documents hold ${those} chunks of ${rows.length}`,
      );
    if (chunks !== before - held + rows.length)
      throw incomplete(
        name,
        `${chunks} chunks after a change that leaves ${before - held + rows.length}: somebody else has written`,
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

    async vectorsOf(documents) {
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
      const query = asked(text)
        .select([...shown, '_score'])
        .limit(k);
      const rows = await run('ask', () => query.toArray());
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
      const query = asked(text).select(['_score']).withRowId().limit(k);
      const rows = await run('ask', () => query.toArray());
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
  return failure('IndexIncomplete', `${name}: ${why}`);
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

/** Arrow gives a list as a vector of its own, which is a view into a batch that goes away. */
function toFloats(vector: unknown): Float32Array {
  const { toArray } = vector as { toArray?: () => Iterable<number> };
  return Float32Array.from(toArray ? toArray.call(vector) : (vector as Iterable<number>));
}
