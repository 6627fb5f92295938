import type { LinearClassifier } from '../../../domain/safety/linear-classifier';
import { nGramBuckets } from '../../../domain/safety/n-grams';
import {
  trainLinear,
  type TrainingExample,
  type TrainingPlan,
} from '../../../domain/safety/train-linear';
import { selectWindowsToEmbed, worstOdds } from '../../../domain/safety/worst-window';
import type { Head } from '../classifier-file';
import { cachedNumbers } from './number-cache';
import { softCategories, type Label, type LabelledText } from './labelled-texts';
import type { ReadText } from './read-texts';

/** The inputs of a classifier: words, embeddings (for comparison), or both. */
export type HeadFeatures = 'words' | 'vector' | 'meaning';

export function labelFor(head: Head, { kind, category }: LabelledText): Label {
  if (kind === 'benign') return 'negative';
  const wanted = head === 'injection' ? kind !== 'harmful' : kind === 'harmful';
  return wanted && !softCategories.includes(category) ? 'positive' : 'unsure';
}

/**
 * The inverse of the regularization, per text. 3 was the best of 1, 3 and 10 on held-out sources.
 */
const strength = 3;
const dimensions = 384;

/**
 * Train a classifier. A source weighs by the square root of its size, so that the largest one does
 * not dominate. Both labels weigh the same, and so do texts of different lengths in a source.
 */
export function trainHead(
  head: Head,
  texts: readonly ReadText[],
  features: HeadFeatures,
): LinearClassifier {
  const labelled = texts
    .map((text) => ({ text, label: labelFor(head, text) }))
    .filter(({ label, text }) => label !== 'unsure' && text.plain > 0);
  const sizes = new Map<string, number>();
  for (const { text } of labelled) sizes.set(text.source, (sizes.get(text.source) ?? 0) + 1);
  const weighText = ({ source }: ReadText) => 1 / Math.sqrt(sizes.get(source) ?? 1);
  const totals = { positive: 0, negative: 0, unsure: 0 };
  for (const { text, label } of labelled) totals[label] += weighText(text);
  const examples = labelled.flatMap(({ text, label }) =>
    text.windows.slice(0, text.plain).map((window): TrainingExample => ({
      nGrams: window.nGrams,
      vector: features === 'words' ? null : window.vector,
      isPositive: label === 'positive',
      weight: weighText(text) / totals[label] / text.plain,
    })),
  );
  const plan = {
    nGrams: features === 'vector' ? null : 2 * nGramBuckets,
    vector: features === 'words' ? null : dimensions,
    penalty: 1 / (strength * labelled.length),
    iterations: 60,
  };
  const known = labelled.map(({ text, label }) => [label, text.source, text.digest]);
  const kept = cachedNumbers('safety-weights', { version: 1, plan, known });
  const numbers = kept.read();
  if (numbers) return fromNumbers(numbers, plan);
  const trained = trainLinear(examples, plan);
  kept.write(
    Float32Array.from([trained.bias, ...(trained.nGrams ?? []), ...(trained.vector ?? [])]),
  );
  return trained;
}

function fromNumbers(
  numbers: Float32Array,
  { nGrams, vector }: Pick<TrainingPlan, 'nGrams' | 'vector'>,
): LinearClassifier {
  const grams = nGrams ?? 0;
  return {
    bias: numbers[0] ?? 0,
    nGrams: nGrams === null ? null : numbers.slice(1, 1 + grams),
    vector: vector === null ? null : numbers.slice(1 + grams),
  };
}

export interface TrainedPair {
  readonly words: LinearClassifier;
  readonly classifier: LinearClassifier;
  readonly features: HeadFeatures;
}

/** The log-odds of a text, computed as the detector does. */
export function oddsOfText(
  { words, classifier, features }: TrainedPair,
  { windows }: ReadText,
): number {
  return worstOdds(
    classifier,
    features === 'words' ? windows : selectWindowsToEmbed(words, windows),
  );
}
