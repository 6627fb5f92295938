/**
 * An answer's words as the SQuAD evaluation compares them: lower case, without punctuation and
 * English articles (P. Rajpurkar, J. Zhang, K. Lopyrev and P. Liang, "SQuAD: 100,000+ questions for
 * machine comprehension of text", EMNLP 2016). Letters of all scripts, normalized to NFKC.
 */
export function splitWords(text: string): readonly string[] {
  const plain = text
    .normalize('NFKC')
    .toLowerCase()
    // An apostrophe or an abbreviation's dot inside a word does not split it.
    .replace(/(?<=\p{L})['’.](?=\p{L})/gu, '')
    .replace(/[^\p{L}\p{M}\p{N}\s]/gu, ' ');
  return plain
    .split(/\s+/)
    .filter((word) => word !== '' && word !== 'a' && word !== 'an' && word !== 'the');
}

export function normalAnswer(text: string): string {
  return splitWords(text).join(' ');
}

/** The number of words in both, each counted as often as it occurs in both. */
export function sharedWords(a: readonly string[], b: readonly string[]): number {
  const left = new Map<string, number>();
  for (const word of b) left.set(word, (left.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of a) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    shared += 1;
  }
  return shared;
}
