/** Beyond it a sentence is cut, where a word ends if there is one. */
const mostCharacters = 240;

/**
 * Sentences of a line of text, as their marks say: near enough for finding the one that is not like
 * the rest.
 */
export function sentencesOf(line: string): readonly string[] {
  return line
    .split(/(?<=[.!?;:]["')\]]?)\s+/)
    .flatMap(
      (sentence) =>
        sentence.match(
          new RegExp(`.{1,${mostCharacters}}(?:\\s|$)|\\S{${mostCharacters}}`, 'gsu'),
        ) ?? [],
    )
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence.length >= 3);
}

/**
 * How much of what the others are like is taken off: an order among orders is usual, one among
 * statements is not. 0, 0.5 and 1 were tried on other sources than bastioncorpus.
 */
const othersShare = 0.5;

/** The highest log-odds of a text's sentences, against the mean of the others. −∞ for none. */
export function standingOut(odds: readonly number[]): number {
  const [highest = -Infinity, ...others] = odds.toSorted((a, b) => b - a);
  if (others.length === 0) return highest;
  return highest - (othersShare * others.reduce((sum, each) => sum + each, 0)) / others.length;
}

/** Sentences of a text that are judged: a passage seldom has more. */
export const mostSentences = 12;

/**
 * Of more than that those that look worst by their words, and as many from all over the rest, which
 * tell what the text is like.
 */
export function telling<T>(sentences: readonly T[], odds: (sentence: T) => number): readonly T[] {
  if (sentences.length <= mostSentences) return sentences;
  const half = mostSentences / 2;
  const falling = sentences
    .map((sentence, place) => ({ place, odds: odds(sentence) }))
    .sort((a, b) => b.odds - a.odds);
  const worst = new Set(falling.slice(0, half).map(({ place }) => place));
  const rest = sentences.filter((_, place) => !worst.has(place));
  const spread = Array.from(
    { length: half },
    (_, at) => rest[Math.floor((at * rest.length) / half)],
  );
  return [
    ...sentences.filter((_, place) => worst.has(place)),
    ...spread.flatMap((sentence) => sentence ?? []),
  ];
}
