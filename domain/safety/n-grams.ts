/** Buckets for each kind of n-gram. */
export const nGramBuckets = 2 ** 15;

/**
 * The distinct hashed n-grams of a text: words and pairs of words in the first half of the buckets,
 * 3 to 5 letters within a word in the second half.
 */
export function hashNGrams(text: string): Uint32Array {
  const found = new Set<number>();
  let before = '';
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []) {
    found.add(hashToBucket(word));
    if (before !== '') found.add(hashToBucket(`${before} ${word}`));
    before = word;
    const padded = ` ${word.slice(0, maxWordCharacters)} `;
    for (let length = 3; length <= 5; length += 1) {
      for (let from = 0; from + length <= padded.length; from += 1) {
        found.add(nGramBuckets + hashToBucket(padded.slice(from, from + length)));
      }
    }
  }
  return Uint32Array.from(found).sort();
}

/** Longer words are cut, because they are usually data. */
const maxWordCharacters = 40;

/**
 * FNV-1a over UTF-16 units with the finalizer of MurmurHash3, because FNV's low bits are uneven for
 * texts that differ in their last letter.
 */
function hashToBucket(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1)
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % nGramBuckets;
}
