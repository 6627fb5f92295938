/**
 * WordPiece as in BERT's uncased models (J. Devlin et al., 2019; Y. Wu et al., 2016). Gives the
 * same ids as the `tokenizers` library.
 */
export interface WordPiece {
  /** Ids between [CLS] and [SEP]; at most `maxTokens` including both. */
  readonly encode: (text: string, maxTokens: number) => number[];
  /** Number of ids of a word. */
  readonly measureTokens: (word: string) => number;
}

/** Longer words become [UNK], as in the library. */
const maxWordCharacters = 100;
const cacheLimit = 100_000;

/** `vocabulary`: tokens in the order of their ids. */
export function createWordPiece(vocabulary: readonly string[]): WordPiece {
  const ids = new Map(vocabulary.map((token, id) => [token, id]));
  const special = (token: string): number => {
    const id = ids.get(token);
    if (id === undefined) throw new TypeError(`the vocabulary has no token ${token}`);
    return id;
  };
  const [unknown, begin, end] = [special('[UNK]'), special('[CLS]'), special('[SEP]')];
  const cache = new Map<string, readonly number[]>();

  function splitWord(word: string): readonly number[] {
    const known = cache.get(word);
    if (known) return known;
    const pieces = lookUp(word);
    if (cache.size < cacheLimit) cache.set(word, pieces);
    return pieces;
  }

  /** Takes the longest known piece repeatedly. If there is none, the whole word is unknown. */
  function lookUp(word: string): readonly number[] {
    const characters = Array.from(word);
    if (characters.length > maxWordCharacters) return [unknown];
    const pieces: number[] = [];
    for (let from = 0; from < characters.length;) {
      let until = characters.length;
      let id: number | undefined;
      for (; until > from; until -= 1) {
        id = ids.get((from > 0 ? '##' : '') + characters.slice(from, until).join(''));
        if (id !== undefined) break;
      }
      if (id === undefined) return [unknown];
      pieces.push(id);
      from = until;
    }
    return pieces;
  }

  return {
    encode(text, maxTokens) {
      const encoded = [begin];
      for (const [word] of normalizeText(text).matchAll(words)) {
        for (const id of splitWord(word)) {
          if (encoded.length === maxTokens - 1) return [...encoded, end];
          encoded.push(id);
        }
      }
      return [...encoded, end];
    },
    measureTokens: (word) => {
      let cost = 0;
      for (const [part] of normalizeText(word).matchAll(words)) cost += splitWord(part).length;
      return cost;
    },
  };
}

/** A single sign, a single CJK ideograph, or everything up to the next of these or white space. */
const sign = String.raw`[!-\/:-@\[-\x60{-~]|\p{P}`;
const ideograph = String.raw`[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b820}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]`;
const words = new RegExp(`${sign}|${ideograph}|(?:(?!${sign}|${ideograph})\\S)+`, 'gu');

/** BERT's normalization: removes control characters and accents, and lowercases. */
function normalizeText(text: string): string {
  return text
    .replace(/[\0\ufffd]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, '')
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .toLowerCase();
}
