/** The most similar candidate for a suggestion, or null when none is similar enough. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const plain = plainly(word);
  let best: { readonly candidate: string; readonly distance: number } | null = null;
  for (const candidate of candidates) {
    const other = plainly(candidate);
    // The difference in length is a lower bound of the distance.
    if (Math.abs(plain.length - other.length) > countAllowedEdits(plain, candidate)) continue;
    const distance = editDistance(plain, other);
    if (best === null || distance < best.distance) best = { candidate, distance };
  }
  if (best === null) return null;
  return best.distance <= countAllowedEdits(plain, best.candidate) ? best.candidate : null;
}

/** The end of an error about an unknown name: `; did you mean <name>?`, or an empty text. */
export function nearestHint(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  return near === null ? '' : `; did you mean ${near}?`;
}

/** One edit in three letters. */
function countAllowedEdits(plain: string, candidate: string): number {
  return Math.ceil(Math.min(plain.length, candidate.length) / 3);
}

/** `NumLeaves`, `num-leaves` and `num_leaves` are equal. Cut to 80 letters to bound the time. */
function plainly(word: string): string {
  return word
    .slice(0, 80)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}

/** Damerau-Levenshtein with adjacent swaps (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
          ? at(beforeLast, j - 2) + 1
          : Infinity;
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, replaced, swapped));
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
