/** Vector search: the search parameters of each kind of index, and exact similarities. */
import type { LanceTable } from './lancedb';
import { findVectorIndex, type IndexingRun } from './table-indexes';

export interface VectorSearch {
  readonly vector: Float32Array;
  readonly k: number;
  /** The number of partitions to search; `flat` always searches all. */
  readonly probes?: number;
  /** Compute exact distances for `refine` times k candidates. */
  readonly refine?: number;
}

export const rowNumber = '_rowid';

type FoundRow = Readonly<Record<string, unknown>>;
export type Nearest = (
  search: VectorSearch,
  columns: readonly string[],
) => Promise<readonly { readonly row: FoundRow; readonly score: number }[]>;

/**
 * Product quantization orders two of three pairs correctly, so about 200 candidates are reordered
 * by their vectors. At most 20 k, because each one is a read from the bucket.
 */
const ivfPqRefine = (k: number) => Math.min(20, Math.max(2, Math.ceil(200 / k)));
/**
 * The candidates in an HNSW search. LanceDB's default of 1.5 k misses a fifth of the ten nearest;
 * 128 misses about 2 %, and the search is still the smallest part of a question.
 */
const hnswCandidates = (k: number) => Math.max(128, 2 * k);
/** `flat` starts with one partition, and compaction splits it; a large number means all of them. */
const everyPartition = 100_000;

/** Search the table: best first, with cosines, which are accurate to 0.01 for `hnsw`. */
export function openVectorSearch(table: LanceTable, run: IndexingRun): Nearest {
  let known: { readonly state: number; readonly found: ReturnType<typeof findVectorIndex> } | null =
    null;

  async function indexNow(): ReturnType<typeof findVectorIndex> {
    const state = await run('read', () => table.version());
    if (known?.state !== state) {
      known = { state, found: findVectorIndex(table, run) };
      // So that the next question reads it again.
      known.found.catch(() => (known = null));
    }
    return known.found;
  }

  return async ({ vector, k, probes = 20, refine }, columns) => {
    const index = await indexNow();
    const query = table
      .query()
      .nearestTo(vector)
      .distanceType('cosine')
      .nprobes(index?.kind === 'flat' ? everyPartition : probes);
    const candidates = refine ?? (index?.kind === 'ivfPq' ? ivfPqRefine(k) : null);
    if (candidates !== null) query.refineFactor(candidates);
    if (index?.kind === 'hnsw') query.ef(hnswCandidates(k));
    // `_rowid` cannot be selected by name.
    const chosen = query.select([...columns.filter((name) => name !== rowNumber), '_distance']);
    if (columns.includes(rowNumber)) chosen.withRowId();
    const rows = await run('query', () => chosen.limit(k).toArray());
    // The scalar quantizer returns the squared distance of unit vectors, 2 (1 − cosine), unless
    // LanceDB has read vectors itself, to refine or for rows that are not indexed.
    const unit = index?.kind === 'hnsw' && candidates === null && index.unseen === 0 ? 2 : 1;
    return rows.map((row) => ({ row, score: 1 - Number(row['_distance']) / unit }));
  };
}
