import { logOdds, type LinearClassifier, type TextFeatures } from './linear-classifier';

/** Windows of a text that are embedded: each takes ten milliseconds or more. */
const mostEmbedded = 8;

/**
 * The highest log-odds among a text's windows: what one sentence says is not thinned by the rest.
 * −∞ for a text without letters.
 */
export function worstOdds(classifier: LinearClassifier, windows: readonly TextFeatures[]): number {
  return windows.reduce((worst, window) => Math.max(worst, logOdds(classifier, window)), -Infinity);
}

/** Which windows are worth an embedding: those that look worst by their words, in that order. */
export function suspicious<T extends TextFeatures>(
  words: LinearClassifier,
  windows: readonly T[],
): readonly T[] {
  return windows
    .map((window) => ({ window, odds: logOdds(words, window) }))
    .sort((a, b) => b.odds - a.odds)
    .slice(0, mostEmbedded)
    .map(({ window }) => window);
}
