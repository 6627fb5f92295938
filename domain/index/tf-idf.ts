import type { IndexDocument } from './document';

/**
 * The baseline for retrieval: cosine of TF-IDF vectors, as in scikit-learn with `sublinear_tf` and
 * smoothed idf. Returns document ids, best first.
 */
export function createTfIdf(
  documents: readonly IndexDocument[],
): (question: string, k: number) => readonly string[] {
  const counted = documents.map(({ text }) => countTerms(text));
  const holding = new Map<string, number>();
  for (const counts of counted)
    for (const word of counts.keys()) holding.set(word, (holding.get(word) ?? 0) + 1);
  const idf = (word: string): number =>
    Math.log((1 + documents.length) / (1 + (holding.get(word) ?? 0))) + 1;
  const weigh = (counts: ReadonlyMap<string, number>): ReadonlyMap<string, number> => {
    const weights = new Map(
      [...counts].map(([word, count]) => [word, (1 + Math.log(count)) * idf(word)]),
    );
    const length = Math.sqrt([...weights.values()].reduce((sum, weight) => sum + weight ** 2, 0));
    return new Map([...weights].map(([word, weight]) => [word, weight / length]));
  };
  const postings = new Map<string, { readonly document: number; readonly weight: number }[]>();
  counted.forEach((counts, document) => {
    for (const [word, weight] of weigh(counts)) {
      const posted = postings.get(word) ?? [];
      posted.push({ document, weight });
      postings.set(word, posted);
    }
  });
  return (question, k) => {
    const scores = new Map<number, number>();
    for (const [word, weight] of weigh(countTerms(question))) {
      for (const { document, weight: theirs } of postings.get(word) ?? [])
        scores.set(document, (scores.get(document) ?? 0) + weight * theirs);
    }
    const best = [...scores].sort(([, a], [, b]) => b - a).slice(0, k);
    return best.map(([document]) => documents[document]?.id ?? '');
  };
}

function countTerms(text: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{N}]{2,}/gu))
    counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
