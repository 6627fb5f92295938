import { predictedClass } from './metrics/multiclass';
import { rowLogloss } from './metrics/classification';
import type { LossRange } from '../rollout/judging/loss';

/** What a multiclass model answers for one row, and what the prediction log keeps of it. */
export interface ClassPrediction {
  /** The likeliest class. */
  readonly class: string;
  /** By class, in the order of the model's classes. */
  readonly probabilities: Readonly<Record<string, number>>;
}

/** Of one row, whose probabilities begin at `from` of `scores`. */
export function classPrediction(
  classes: readonly string[],
  scores: Float64Array,
  from: number,
): ClassPrediction {
  return {
    class: classes[predictedClass(scores, from, classes.length)] ?? '',
    probabilities: Object.fromEntries(
      classes.map((name, column) => [name, scores[from + column] ?? NaN]),
    ),
  };
}

/** From a document of the prediction log; null for what a model of another task answered. */
export function classPredictionIn(output: unknown): ClassPrediction | null {
  const found = output as Partial<ClassPrediction> | null | undefined;
  return typeof found?.class === 'string' && typeof found.probabilities === 'object'
    ? (found as ClassPrediction)
    : null;
}

/** The probability that a version gave a class; 0 for a class that it does not know. */
export function probabilityOf({ probabilities }: ClassPrediction, name: string): number {
  return Object.hasOwn(probabilities, name) ? (probabilities[name] ?? 0) : 0;
}

/** The log losses that a prediction can have, whatever its label turns out to be. */
export function lossRangeOf(prediction: ClassPrediction): LossRange {
  const losses = Object.values(prediction.probabilities).map((probability) =>
    rowLogloss(1, probability),
  );
  return { min: Math.min(...losses), max: Math.max(...losses) };
}

/**
 * The differences of log loss, challenger minus champion, that two predictions of one row can have,
 * whatever its label turns out to be: the label is a class of either of them.
 */
export function lossDifferencesOf(
  champion: ClassPrediction,
  challenger: ClassPrediction,
): LossRange {
  const names = new Set([
    ...Object.keys(champion.probabilities),
    ...Object.keys(challenger.probabilities),
  ]);
  const differences = Array.from(
    names,
    (name) =>
      rowLogloss(1, probabilityOf(challenger, name)) - rowLogloss(1, probabilityOf(champion, name)),
  );
  return { min: Math.min(...differences), max: Math.max(...differences) };
}
