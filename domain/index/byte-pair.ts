/**
 * Byte-pair encoding with byte fallback, as in SentencePiece models of the Llama family (R.
 * Sennrich et al., 2016). Gives the same ids as the `tokenizers` library.
 */
export interface BytePair {
  readonly encode: (text: string) => number[];
  /** Number of ids of a word with a space before it. */
  readonly measureTokens: (word: string) => number;
}

const space = '▁';
const cacheLimit = 200_000;

export function createBytePair(model: {
  /** Token → id, with `<0x00>` … `<0xFF>`. */
  readonly vocabulary: Readonly<Record<string, number>>;
  /** Pairs by rank; left and right are separated by one space. */
  readonly merges: readonly string[];
}): BytePair {
  const ids = new Map(Object.entries(model.vocabulary));
  const ranks = new Map(model.merges.map((pair, rank) => [pair, rank]));
  const cache = new Map<string, readonly number[]>();

  function splitWord(word: string): readonly number[] {
    const known = cache.get(word);
    if (known) return known;
    const pieces = mergePairs(Array.from(word), ranks).flatMap(encodeToken);
    if (cache.size < cacheLimit) cache.set(word, pieces);
    return pieces;
  }

  function encodeToken(token: string): readonly number[] {
    const id = ids.get(token);
    if (id !== undefined) return [id];
    return Array.from(
      utf8(token),
      (byte) =>
        ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`) ?? ids.get('<unk>') ?? 0,
    );
  }

  return {
    // No token crosses the end of a word, so words are encoded separately and cached.
    encode: (text) =>
      (space + text.replaceAll(' ', space))
        .match(/▁*[^▁]{0,200}/gu)
        ?.flatMap((word) => (word === '' ? [] : splitWord(word))) ?? [],
    measureTokens: (word) => splitWord(space + word).length,
  };
}

/** Merges the leftmost pair of the lowest rank until none is left. */
function mergePairs(symbols: string[], ranks: ReadonlyMap<string, number>): readonly string[] {
  for (;;) {
    let best = Infinity;
    let at = -1;
    for (let index = 0; index + 1 < symbols.length; index += 1) {
      const rank = ranks.get(`${symbols[index] ?? ''} ${symbols[index + 1] ?? ''}`);
      if (rank !== undefined && rank < best) [best, at] = [rank, index];
    }
    if (at === -1) return symbols;
    symbols.splice(at, 2, (symbols[at] ?? '') + (symbols[at + 1] ?? ''));
  }
}

function utf8(text: string): readonly number[] {
  return Array.from(text.replace(/\p{Surrogate}/gu, '\ufffd')).flatMap((character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) return [code];
    const tail = (shift: number) => 0x80 | ((code >> shift) & 0x3f);
    if (code < 0x800) return [0xc0 | (code >> 6), tail(0)];
    return code < 0x10000
      ? [0xe0 | (code >> 12), tail(6), tail(0)]
      : [0xf0 | (code >> 18), tail(12), tail(6), tail(0)];
  });
}
