/** Which way vectors are found in, and which one is taken where nobody names it. */

export const vectorKinds = ['flat', 'hnsw', 'ivfPq'] as const;

/**
 * `flat` looks at each vector, so it finds exactly what is nearest; they are kept in memory beside
 * the table (LanceDB's IVF_FLAT of one partition). `hnsw` follows a graph over vectors of a byte a
 * dimension (IVF_HNSW_SQ): a sixth of the work at 25,000 pieces, and up to 2 % of the ten nearest
 * are missed. `ivfPq` keeps a byte for eight dimensions (IVF_PQ), and reads the vectors of two
 * hundred candidates to put them in order: the least memory, and the most reading.
 */
export type VectorKind = (typeof vectorKinds)[number];
export type VectorChoice = 'auto' | VectorKind;

/** A product quantizer has 256 centroids, and cannot be trained on fewer pieces. */
const ivfPqLeast = 256;

/** @param pieces of the documents, as they are counted when all are in */
export function vectorKindFor(choice: VectorChoice, pieces: number): VectorKind {
  const kind = choice === 'auto' ? automatic(pieces) : choice;
  return kind === 'ivfPq' && pieces < ivfPqLeast ? 'flat' : kind;
}

/**
 * By `npm run bench:index-kinds` over S3, with MiniLM's 384 dimensions on two busy cores. At 10,000
 * pieces `flat` takes 19 ms of a core and 44 ms for a question, and finds all; at 25,000 it takes
 * 41 and 79, and `hnsw` 7 and 22 at recall@10 .988.
 */
const flatMost = 10_000;
/**
 * At 100,000 (256 dimensions) `hnsw` takes 8 ms of a core and 70 ms, at .985. At 200,000 it takes
 * 12 of a core, and 255 ms, most of them idle, for what is not known; `ivfPq` was measured to a
 * million on disk, and to 25,000 over S3. Until both are known at one size there, the larger index
 * is the one of less memory.
 */
const hnswMost = 100_000;

function automatic(pieces: number): VectorKind {
  if (pieces <= flatMost) return 'flat';
  return pieces <= hnswMost ? 'hnsw' : 'ivfPq';
}
