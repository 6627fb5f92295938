/**
 * Questions by a vector: what each kind of index is asked for, and how near what it finds really
 * is.
 */
import type { LanceTable } from './lancedb';
import { vectorIndexOf, type IndexingRun } from './table-indexes';

export interface VectorSearch {
  readonly vector: Float32Array;
  readonly k: number;
  /** Partitions that are looked into; of `flat` all are, whatever is asked for. */
  readonly probes?: number;
  /** Multiples of k whose exact distances are taken. */
  readonly refine?: number;
}

export const rowNumber = '_rowid';

type FoundRow = Readonly<Record<string, unknown>>;
export type Nearest = (
  search: VectorSearch,
  columns: readonly string[],
) => Promise<readonly { readonly row: FoundRow; readonly score: number }[]>;

/**
 * A product quantizer's own order has two of three right, so 200 candidates are put in order by
 * their vectors, at 20 times what is wanted or less: each is a read from the bucket.
 */
const ivfPqRefine = (k: number) => Math.min(20, Math.max(2, Math.ceil(200 / k)));
/**
 * What a walk keeps: with 1.5 k, LanceDB's own, a fifth of the ten nearest is missed, with 128 some
 * 2 %, and the walk is still the least part of the question.
 */
const hnswCandidates = (k: number) => Math.max(128, 2 * k);
/**
 * `flat` is built of one partition, which compaction splits into as many as it likes; LanceDB looks
 * into those that are there.
 */
const everyPartition = 100_000;

/**
 * @returns a question to this table, best first, with cosines: of `hnsw` within its quantizer's
 *   hundredth
 */
export function openNearest(table: LanceTable, run: IndexingRun): Nearest {
  let known: { readonly state: number; readonly found: ReturnType<typeof vectorIndexOf> } | null =
    null;

  async function indexNow(): ReturnType<typeof vectorIndexOf> {
    const state = await run('read', () => table.version());
    if (known?.state !== state) {
      known = { state, found: vectorIndexOf(table, run) };
      // The next question looks again.
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
    // `_rowid` is nothing that can be selected.
    const chosen = query.select([...columns.filter((name) => name !== rowNumber), '_distance']);
    if (columns.includes(rowNumber)) chosen.withRowId();
    const rows = await run('ask', () => chosen.limit(k).toArray());
    // A quantizer of bytes tells the squared distance of unit vectors, twice 1 − cosine, where
    // LanceDB has looked at no vector itself: neither to refine nor for rows that the index has not
    // seen.
    const unit = index?.kind === 'hnsw' && candidates === null && index.unseen === 0 ? 2 : 1;
    return rows.map((row) => ({ row, score: 1 - Number(row['_distance']) / unit }));
  };
}
