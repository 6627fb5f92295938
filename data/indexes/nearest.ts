/** Questions by a vector: what each kind of index is asked for, and how near what it finds really is. */
import type { VectorKind } from '../../domain/index/vector-index';
import type { LanceTable } from './lancedb';
import { vectorKindOf, type Run } from './table-indexes';

export interface VectorSearch {
  readonly vector: Float32Array;
  readonly k: number;
  /** Partitions that are looked into. */
  readonly probes?: number;
  /** Multiples of k whose exact distances are taken. */
  readonly refine?: number;
}

type Row = Readonly<Record<string, unknown>>;
export type Nearest = (
  search: VectorSearch,
  columns: readonly string[],
) => Promise<readonly { readonly row: Row; readonly score: number }[]>;

/** A product quantizer's own order is right for two of three. Each candidate is a read from the bucket. */
const ivfPqRefine = 20;
/** What a walk keeps: with 1.5 k, LanceDB's own, a fifth of the ten nearest is missed, with 128 some 2 %, and the walk is still the least part of the question. */
const hnswCandidates = (k: number) => Math.max(128, 2 * k);

/** @returns a question to this table, best first, with cosines */
export function openNearest(table: LanceTable, run: Run): Nearest {
  let known: { readonly state: number; readonly kind: Promise<VectorKind | null> } | null = null;

  async function kindNow(): Promise<VectorKind | null> {
    const state = await run('read', () => table.version());
    if (known?.state !== state) {
      known = { state, kind: vectorKindOf(table, run) };
      // The next question looks again.
      known.kind.catch(() => (known = null));
    }
    return known.kind;
  }

  return async ({ vector, k, probes = 20, refine }, columns) => {
    const kind = await kindNow();
    const query = table.query().nearestTo(vector).distanceType('cosine').nprobes(probes);
    const taken = refine ?? (kind === 'ivfPq' ? ivfPqRefine : null);
    if (taken !== null) query.refineFactor(taken);
    if (kind === 'hnsw') query.ef(hnswCandidates(k));
    // LanceDB tells an unrefined distance in units of its quantizer. The vectors come with the texts, in one round of reads where refining takes two.
    const unrefined = kind === 'hnsw' && taken === null;
    const selected = [...columns, '_distance', ...(unrefined ? ['vector'] : [])];
    const rows = await run('ask', () => query.select(selected).limit(k).toArray());
    if (!unrefined) return rows.map((row) => ({ row, score: 1 - Number(row['_distance']) }));
    return rows.map((row) => ({ row, score: cosine(vector, toFloats(row['vector'])) })).sort((a, b) => b.score - a.score);
  };
}

/** Arrow gives a list as a vector of its own, which is a view into a batch that goes away. */
export function toFloats(vector: unknown): Float32Array {
  const { toArray } = vector as { toArray?: () => Iterable<number> };
  return Float32Array.from(toArray ? toArray.call(vector) : (vector as Iterable<number>));
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, left, right] = [0, 0, 0];
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    dot += value * other;
    left += value * value;
    right += other * other;
  }
  return dot / Math.sqrt(left * right);
}
