/** The features of one window of a text. */
export interface TextFeatures {
  /** Buckets, ascending and distinct. */
  readonly nGrams: Uint32Array;
  /** Sentence embedding of length one; null for a classifier of words only. */
  readonly vector: Float32Array | null;
}

/** A logistic regression. */
export interface LinearClassifier {
  readonly bias: number;
  /** One weight per bucket; null for a classifier of the vector only. */
  readonly nGrams: Float32Array | null;
  readonly vector: Float32Array | null;
}

/** Scale of the vector relative to the n-grams, chosen among 1, 2 and 4 on held-out sources. */
export const vectorScale = 2;

/** The log-odds that the text is of the classifier's kind. */
export function logOdds(
  { bias, nGrams, vector }: LinearClassifier,
  features: TextFeatures,
): number {
  let sum = bias;
  if (nGrams) {
    let hits = 0;
    for (const bucket of features.nGrams) hits += nGrams[bucket] ?? 0;
    sum += hits / Math.sqrt(Math.max(1, features.nGrams.length));
  }
  if (vector && features.vector) {
    for (let at = 0; at < vector.length; at += 1)
      sum += (vector[at] ?? 0) * (features.vector[at] ?? 0) * vectorScale;
  }
  return sum;
}
