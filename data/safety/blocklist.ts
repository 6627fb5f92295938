import type { Finding } from '../../domain/safety/policy';

/**
 * Find phrases of whole words, ignoring case, accents, width and punctuation. One pass over the
 * text for any number of phrases.
 */
export function findPhrases(text: string, phrases: readonly string[]): readonly Finding[] {
  const byFirst = indexPhrases(phrases);
  const words = fold(text);
  return words.flatMap(({ word, from }, at) =>
    (byFirst.get(word) ?? []).flatMap((phrase): readonly Finding[] => {
      const last = words[at + phrase.length - 1];
      const isHere =
        last !== undefined && phrase.every((each, index) => words[at + index]?.word === each);
      return isHere ? [{ from, to: last.to, what: 'blocked phrase' }] : [];
    }),
  );
}

type PhrasesByFirstWord = ReadonlyMap<string, readonly (readonly string[])[]>;

const indexes = new WeakMap<readonly string[], PhrasesByFirstWord>();

function indexPhrases(phrases: readonly string[]): PhrasesByFirstWord {
  const known = indexes.get(phrases);
  if (known) return known;
  const index = new Map<string, (readonly string[])[]>();
  for (const phrase of phrases) {
    const words = fold(phrase).map(({ word }) => word);
    const [first] = words;
    if (first !== undefined) index.set(first, [...(index.get(first) ?? []), words]);
  }
  indexes.set(phrases, index);
  return index;
}

interface Word {
  readonly word: string;
  readonly from: number;
  readonly to: number;
}

/**
 * The words with their positions. Compatibility forms (full width, ligatures) become usual letters;
 * marks and case are removed (Unicode Standard Annex 15).
 */
function fold(text: string): readonly Word[] {
  return [...text.matchAll(/[\p{L}\p{N}\p{M}]+/gu)].map(({ 0: found, index }) => ({
    word: found
      .normalize('NFKD')
      .replace(/\p{M}+/gu, '')
      .toLowerCase(),
    from: index,
    to: index + found.length,
  }));
}
