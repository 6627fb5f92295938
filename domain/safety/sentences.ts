/** Longer sentences are cut, at the end of a word if possible. */
const maxCharacters = 240;

/** Splits a line at sentence marks. Approximate, but enough to find an unusual sentence. */
export function splitSentences(line: string): readonly string[] {
  return line
    .split(/(?<=[.!?;:]["')\]]?)\s+/)
    .flatMap(
      (sentence) =>
        sentence.match(new RegExp(`.{1,${maxCharacters}}(?:\\s|$)|\\S{${maxCharacters}}`, 'gsu')) ??
        [],
    )
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence.length >= 3);
}

/**
 * The share of the other sentences' mean that is subtracted: an instruction among instructions is
 * normal, one among statements is not. Chosen among 0, 0.5 and 1 on sources other than
 * bastioncorpus.
 */
const othersShare = 0.5;

/** The highest log-odds of the sentences, relative to the mean of the others; −∞ without any. */
export function outlierOdds(odds: readonly number[]): number {
  const [highest = -Infinity, ...others] = odds.toSorted((a, b) => b - a);
  if (others.length === 0) return highest;
  return highest - (othersShare * others.reduce((sum, each) => sum + each, 0)) / others.length;
}

/** Largest number of sentences that are judged; a passage seldom has more. */
export const maxSentences = 12;

/**
 * Selects at most `maxSentences`: half are those with the highest odds, and half are spread over
 * the rest, as a sample of the text.
 */
export function selectSentences<T>(
  sentences: readonly T[],
  odds: (sentence: T) => number,
): readonly T[] {
  if (sentences.length <= maxSentences) return sentences;
  const half = maxSentences / 2;
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
