import { fuse } from '../../domain/index/fusion';
import type { ChunkHit, ChunkTable } from './chunk-table';
import type { VectorSearch } from './vector-search';

export interface IndexHit extends ChunkHit {
  /** The rankings that found it. */
  readonly foundBy: readonly ('vector' | 'text')[];
}

/** The depth of each ranking. A chunk further down cannot reach the top k. */
const depth = (k: number) => Math.max(50, 4 * k);

/**
 * Search by vector and by text and fuse both rankings. Of their fifty or more rows only the top `k`
 * and ties with the last are read.
 */
export async function searchBoth(
  table: Pick<ChunkTable, 'rankNearest' | 'rankMatching' | 'chunksAt'>,
  { k, text, ...search }: VectorSearch & { readonly text: string },
): Promise<readonly IndexHit[]> {
  const [byVector, byText] = await Promise.all([
    table.rankNearest({ ...search, k: depth(k) }),
    table.rankMatching(text, depth(k)),
  ]);
  const fused = fuse([byVector, byText]);
  const last = fused[k - 1]?.score ?? 0;
  const first = fused.filter(({ score }) => score >= last);
  const chunks = await table.chunksAt(first.map(({ id }) => id));
  const [inVector, inText] = [byVector, byText].map(
    (ranking) => new Set(ranking.map(({ id }) => id)),
  );
  const hits = first.flatMap(({ id, score }) => {
    const chunk = chunks.get(id);
    if (!chunk) return [];
    const foundBy = [
      ...(inVector?.has(id) ? (['vector'] as const) : []),
      ...(inText?.has(id) ? (['text'] as const) : []),
    ];
    return [{ ...chunk, score, foundBy }];
  });
  // Ties are ordered by chunk id, because row numbers change with a compaction.
  return hits.sort((a, b) => b.score - a.score || (a.chunkId < b.chunkId ? -1 : 1));
}
