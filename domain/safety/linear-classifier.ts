/** What a window of a text looks like to a classifier. */
export interface TextFeatures {
  /** Ascending, each once. */
  readonly nGrams: Uint32Array;
  /** Of length one; null where only words are read. */
  readonly vector: Float32Array | null;
}

/** A logistic regression. */
export interface LinearClassifier {
  readonly bias: number;
  /** One a bucket; null where only the vector is read. */
  readonly nGrams: Float32Array | null;
  readonly vector: Float32Array | null;
}

/**
 * A vector's share against that of the n-grams, which have length one as well: chosen over held-out
 * sources (1, 2, 4).
 */
export const vectorScale = 2;

/** The log-odds that the text is of the kind that the classifier knows. */
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
