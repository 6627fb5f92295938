/** The kinds of vector index, and the choice of `auto`. */

export const vectorKinds = ['flat', 'hnsw', 'ivfPq'] as const;

/**
 * - `flat` compares every vector, so it is exact. The vectors are kept in memory (LanceDB's
 *   IVF_FLAT with one partition).
 * - `hnsw` searches a graph over vectors with one byte per dimension (IVF_HNSW_SQ). It needs a
 *   sixth of the work at 25,000 chunks, and misses up to 2 % of the ten nearest.
 * - `ivfPq` keeps one byte for eight dimensions (IVF_PQ), and reads the vectors of 200 candidates
 *   to order them. It needs the least memory and the most reads.
 */
export type VectorKind = (typeof vectorKinds)[number];
export type VectorChoice = 'auto' | VectorKind;

/** A product quantizer has 256 centroids and cannot be trained on fewer chunks. */
const ivfPqLeast = 256;

/** @param pieces number of chunks of all documents */
export function vectorKindFor(choice: VectorChoice, pieces: number): VectorKind {
  const kind = choice === 'auto' ? automatic(pieces) : choice;
  return kind === 'ivfPq' && pieces < ivfPqLeast ? 'flat' : kind;
}

/**
 * Measured by `npm run bench -- index-kinds` over S3, with 384 dimensions on two busy cores. At 10,000
 * chunks, a question takes `flat` 19 ms of CPU and 44 ms in all. At 25,000 chunks it takes `flat`
 * 41 and 79 ms, and `hnsw` 7 and 22 ms at recall@10 .988.
 */
const flatMost = 10_000;
/**
 * At 100,000 chunks (256 dimensions), a question takes `hnsw` 8 ms of CPU and 70 ms in all, at
 * recall@10 .985. At 200,000 chunks it takes 12 and 255 ms; most of that is idle time of unknown
 * cause. `ivfPq` was measured up to a million chunks on disk, and up to 25,000 over S3. Without a
 * comparison at one size, larger indexes use the kind with less memory.
 */
const hnswMost = 100_000;

function automatic(pieces: number): VectorKind {
  if (pieces <= flatMost) return 'flat';
  return pieces <= hnswMost ? 'hnsw' : 'ivfPq';
}
