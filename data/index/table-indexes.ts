/** Keep a table fast to query: few large fragments, and indexes that cover every row. */
import { firstChunks, type TableSpace } from './chunk-rows';
import { vectorKindFor, vectorKinds, type VectorKind } from '../../domain/index/vector-index';
import { lanceDb, type LanceTable } from './lancedb';

/** A state of a table and its size. */
export interface TableState {
  readonly tableVersion: number;
  readonly chunks: number;
  readonly documents: number;
}

export type IndexingRun = <T>(what: string, work: () => Promise<T>) => Promise<T>;

/**
 * The rows of an IVF partition. The time to build grows with the square of the number of
 * partitions: for a million rows, 244 need a sixteenth of the time of 1,000. More partitions make
 * questions cheaper.
 */
const partitionRows = 4096;
const maxPartitions = 4096;
/** Longer than any attempt, and than any question at a state that a gateway has cached. */
const keptMs = 6 * 3_600_000;
/** The segments of a vector index. Questions search all; forty are three to five times slower. */
const maxSegments = 8;
const lanceNames = { flat: 'IvfFlat', hnsw: 'IvfHnswSq', ivfPq: 'IvfPq' } as const satisfies Record<
  VectorKind,
  string
>;

export async function buildIndexes(
  table: LanceTable,
  {
    vectors,
    space,
    run,
  }: { readonly vectors: VectorKind; readonly space: TableSpace; readonly run: IndexingRun },
): Promise<void> {
  await run('refresh', () => table.checkoutLatest());
  const rows = await table.countRows();
  const there = new Set(
    (await run('read', () => table.listIndices())).flatMap(({ columns }) => columns),
  );
  // Merge the fragments of the shards before indexes refer to them, and update existing indexes.
  // The table does not answer questions yet, so earlier states can be deleted.
  await run('update the indexes of', () => table.optimize({ cleanupOlderThan: new Date() }));
  const { Index } = lanceDb();
  const build = async (column: string, config: unknown): Promise<void> => {
    if (!there.has(column))
      await run(`index ${column} of`, () => table.createIndex(column, { config, replace: true }));
  };
  await build('document_id', Index.btree());
  await build(
    'text',
    Index.fts({
      language: 'English',
      stem: true,
      removeStopWords: true,
      asciiFolding: true,
      withPosition: false,
    }),
  );
  if (rows > 0) await build('vector', vectorIndex(vectors, rows, space));
}

function vectorIndex(kind: VectorKind, rows: number, { dimensions }: TableSpace): unknown {
  const { Index } = lanceDb();
  const distanceType = 'cosine';
  switch (kind) {
    // Only for its cache: without an index each question reads all vectors from the bucket.
    case 'flat':
      return Index.ivfFlat({ distanceType, numPartitions: 1 });
    // One graph per million rows, because every question searches each graph.
    case 'hnsw':
      return Index.hnswSq({
        distanceType,
        numPartitions: Math.max(1, Math.round(rows / 1_000_000)),
      });
    case 'ivfPq': {
      const numPartitions = Math.max(1, Math.min(maxPartitions, Math.round(rows / partitionRows)));
      return Index.ivfPq({ distanceType, numPartitions, numSubVectors: subVectors(dimensions) });
    }
  }
}

interface VectorIndex {
  readonly kind: VectorKind;
  readonly unseen: number;
  readonly segments: number;
}

/** The vector index; null for an empty table. */
export async function findVectorIndex(
  table: LanceTable,
  run: IndexingRun,
): Promise<VectorIndex | null> {
  const found = (await run('read', () => table.listIndices())).find(({ columns }) =>
    columns.includes('vector'),
  );
  const kind = vectorKinds.find((each) => lanceNames[each] === found?.indexType);
  return kind === undefined
    ? null
    : { kind, unseen: found?.numUnindexedRows ?? 0, segments: found?.numSegments ?? 1 };
}

export async function unindexedRows(table: LanceTable, run: IndexingRun): Promise<number> {
  const indexes = await run('read', () => table.listIndices());
  const counts = await Promise.all(
    indexes.map(({ name }) => run('read', () => table.indexStats(name))),
  );
  return Math.max(0, ...counts.map((stats) => stats?.numUnindexedRows ?? 0));
}

export async function compact(
  table: LanceTable,
  {
    noted,
    space,
    restoreTo,
    run,
  }: {
    readonly noted: number;
    readonly space: TableSpace;
    readonly restoreTo: (state: number) => Promise<void>;
    readonly run: IndexingRun;
  },
): Promise<TableState> {
  const states = await run('read', () => table.listVersions());
  const since = states.find(({ version }) => version === noted)?.timestamp.getTime() ?? 0;
  await restoreTo(noted);
  // Keep the noted state and those of the hours before it. LanceDB computes the age when it cleans
  // up, which is later than now.
  await run('compact', () =>
    table.optimize({ cleanupOlderThan: new Date(Math.min(since, Date.now()) - keptMs) }),
  );
  await mergeSegments(table, { space, run });
  const tableVersion = await run('read', () => table.version());
  await run(`open state ${tableVersion} of`, () => table.checkout(tableVersion));
  const chunks = await run('count', () => table.countRows());
  const documents = await run('count', () => table.countRows(firstChunks));
  await run('refresh', () => table.checkoutLatest());
  return { tableVersion, chunks, documents };
}

/**
 * Rebuild the vector index when it has too many segments: each compaction adds one, and LanceDB
 * does not merge them. It is one commit; earlier states keep their segments. Repeating it does
 * nothing.
 */
async function mergeSegments(
  table: LanceTable,
  { space, run }: { readonly space: TableSpace; readonly run: IndexingRun },
): Promise<void> {
  const index = await findVectorIndex(table, run);
  const rows = await run('count', () => table.countRows());
  if (index === null || index.segments <= maxSegments || rows === 0) return;
  const config = vectorIndex(vectorKindFor(index.kind, rows), rows, space);
  await run('rebuild the vector index of', () =>
    table.createIndex('vector', { config, replace: true }),
  );
}

/** Eight dimensions per sub-vector: 48 for MiniLM's 384, as measured in docs/indexes.md. */
function subVectors(dimensions: number): number {
  for (let width = 8; width > 1; width -= 1)
    if (dimensions % width === 0) return dimensions / width;
  return dimensions;
}
