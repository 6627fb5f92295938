/** An item of a ranking; rankings start with the best. */
export interface RankedItem {
  readonly id: string;
}

/** As in the paper: the first ranks of one list must not outweigh agreement of several lists. */
const constant = 60;

/**
 * Reciprocal rank fusion (G. V. Cormack, C. L. A. Clarke and S. Büttcher, SIGIR 2009): the sum of 1
 * / (60 + rank) over the rankings. It uses no scores, so it can combine distances and BM25. Ties
 * are ordered by id, so the result is deterministic.
 */
export function fuse(
  rankings: readonly (readonly RankedItem[])[],
): readonly { readonly id: string; readonly score: number }[] {
  const scores = new Map<string, number>();
  for (const ranking of rankings) {
    const seen = new Set<string>();
    for (const { id } of ranking) {
      if (seen.has(id)) continue;
      seen.add(id);
      scores.set(id, (scores.get(id) ?? 0) + 1 / (constant + seen.size));
    }
  }
  return [...scores]
    .map(([id, score]) => ({ id, score }))
    .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}
