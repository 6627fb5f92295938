/** Which way vectors are found in, and which one is taken where nobody names it. */

export const vectorKinds = ['flat', 'hnsw', 'ivfPq'] as const;

/**
 * `flat` looks at each vector, so it finds exactly what is nearest; they are kept in memory beside the table (LanceDB's IVF_FLAT of one partition).
 * `hnsw` follows a graph over vectors of a byte a dimension (IVF_HNSW_SQ): a tenth of the work, and some 2 % of the ten nearest are missed.
 * `ivfPq` keeps a byte for eight dimensions (IVF_PQ), and reads the vectors of two hundred candidates to put them in order: the least memory, and the most reading.
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

const flatMost = 10_000;
const hnswMost = 100_000;

function automatic(pieces: number): VectorKind {
  if (pieces <= flatMost) return 'flat';
  return pieces <= hnswMost ? 'hnsw' : 'ivfPq';
}
