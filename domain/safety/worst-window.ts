import { logOdds, type LinearClassifier, type TextFeatures } from './linear-classifier';

/** Largest number of embedded windows per text: each takes ten milliseconds or more. */
const maxEmbedded = 8;

/**
 * The highest log-odds of the windows, so that the rest of a text cannot dilute one sentence. −∞
 * without windows.
 */
export function worstOdds(classifier: LinearClassifier, windows: readonly TextFeatures[]): number {
  return windows.reduce((worst, window) => Math.max(worst, logOdds(classifier, window)), -Infinity);
}

/** The windows to embed: those with the highest odds by their words, highest first. */
export function selectWindowsToEmbed<T extends TextFeatures>(
  words: LinearClassifier,
  windows: readonly T[],
): readonly T[] {
  return windows
    .map((window) => ({ window, odds: logOdds(words, window) }))
    .sort((a, b) => b.odds - a.odds)
    .slice(0, maxEmbedded)
    .map(({ window }) => window);
}
