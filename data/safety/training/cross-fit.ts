import type { Head, Threshold } from '../classifier-file';
import { foldsOf } from './folds';
import type { ReadText } from './read-texts';
import { labelFor, oddsOfText, trainHead, type HeadFeatures, type TrainedPair } from './train-head';

/** A text judged by a classifier that has seen nothing of its source. */
export interface HeldOutText {
  readonly text: ReadText;
  readonly odds: number;
  readonly fold: number;
}

/** What one fold's classifiers are, without the sources of the fold. */
export interface FoldPair extends TrainedPair {
  readonly fold: number;
  readonly sources: readonly string[];
}

/** By fold, for each of the features: trained on all other sources. */
export function trainFolds(
  head: Head,
  texts: readonly ReadText[],
  {
    features,
    onFold,
  }: { readonly features: readonly HeadFeatures[]; readonly onFold?: (fold: number) => void },
): readonly FoldPair[] {
  return foldsOf(head).flatMap((sources, fold) => {
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

/** What a head does not learn from, such as attacks of the other kind, is judged as well. */
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

/** Shares that a policy may ask for lie between these. */
const shares = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];

/**
 * The log-odds beyond which at most such a share of harmless texts lies, every source weighing
 * alike: what most texts are like is a matter of the application. `but` leaves a fold's own texts
 * out, so that a threshold is tried on sources that it was not chosen by.
 */
export function thresholdsOf(
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
      // The first that would be too many: the threshold is itself no alarm.
      if (above > falseAlarms) return { falseAlarms, odds };
    }
    return { falseAlarms, odds: falling.at(-1)?.odds ?? Infinity };
  });
}
