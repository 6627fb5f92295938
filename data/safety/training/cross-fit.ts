import type { Head, Threshold } from '../classifier-file';
import { listFolds } from './folds';
import type { ReadText } from './read-texts';
import { labelFor, oddsOfText, trainHead, type HeadFeatures, type TrainedPair } from './train-head';

/** A text with the log-odds of a classifier that was trained without its source. */
export interface HeldOutText {
  readonly text: ReadText;
  readonly odds: number;
  readonly fold: number;
}

/** The classifiers that were trained without the sources of one fold. */
export interface FoldPair extends TrainedPair {
  readonly fold: number;
  readonly sources: readonly string[];
}

/** Train classifiers for each fold and each kind of features, on the sources of other folds. */
export function trainFolds(
  head: Head,
  texts: readonly ReadText[],
  {
    features,
    onFold,
  }: { readonly features: readonly HeadFeatures[]; readonly onFold?: (fold: number) => void },
): readonly FoldPair[] {
  return listFolds(head).flatMap((sources, fold) => {
    const seen = texts.filter(({ source }) => !sources.includes(source));
    const words = trainHead(head, seen, 'words');
    const pairs = features.map((each) => ({
      features: each,
      words,
      classifier: each === 'words' ? words : trainHead(head, seen, each),
      fold,
      sources,
    }));
    onFold?.(fold);
    return pairs;
  });
}

/** Classify each text by the fold of its source, also texts that the head is not trained on. */
export function judgeHeldOut(
  pairs: readonly FoldPair[],
  texts: readonly ReadText[],
): readonly HeldOutText[] {
  return pairs.flatMap((pair) =>
    texts
      .filter(({ source }) => pair.sources.includes(source))
      .map((text) => ({ text, odds: oddsOfText(pair, text), fold: pair.fold })),
  );
}

/** The shares of false alarms that are measured; a policy may use any share in their range. */
const shares = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];

/**
 * The log-odds that at most the given share of harmless texts exceeds. All sources weigh the same,
 * because the mix of texts depends on the application. `but` leaves out the texts of a fold, so
 * that the threshold can be tested on other sources.
 */
export function computeThresholds(
  head: Head,
  judged: readonly HeldOutText[],
  but: number | null = null,
): readonly Threshold[] {
  const harmless = judged.filter(
    ({ text, fold }) => fold !== but && labelFor(head, text) === 'negative',
  );
  const sizes = new Map<string, number>();
  for (const { text } of harmless) sizes.set(text.source, (sizes.get(text.source) ?? 0) + 1);
  const falling = harmless.toSorted((a, b) => b.odds - a.odds);
  return shares.map((falseAlarms) => {
    let above = 0;
    for (const { text, odds } of falling) {
      above += 1 / sizes.size / (sizes.get(text.source) ?? 1);
      // The first text that would be one too many. Odds equal to the threshold are no alarm.
      if (above > falseAlarms) return { falseAlarms, odds };
    }
    return { falseAlarms, odds: falling.at(-1)?.odds ?? Infinity };
  });
}
