import { predictedClass } from './metrics/multiclass';
import { rowLogloss } from './metrics/classification';
import type { LossRange } from './metrics/loss-range';

/** The prediction of a multiclass model for one row, as stored in the prediction log. */
export interface ClassPrediction {
  /** The most probable class. */
  readonly class: string;
  /** Class → probability, in the order of the model's classes. */
  readonly probabilities: Readonly<Record<string, number>>;
}

/** The prediction of the row whose probabilities begin at `from` in `scores`. */
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

/** Parses a document of the prediction log; null for other tasks. */
export function classPredictionIn(output: unknown): ClassPrediction | null {
  const found = output as Partial<ClassPrediction> | null | undefined;
  return typeof found?.class === 'string' && typeof found.probabilities === 'object'
    ? (found as ClassPrediction)
    : null;
}

/** The probability of a class; 0 for an unknown class. */
export function readProbability({ probabilities }: ClassPrediction, name: string): number {
  return Object.hasOwn(probabilities, name) ? (probabilities[name] ?? 0) : 0;
}

/** The range of log losses of a prediction over all possible labels. */
export function computeLossRange(prediction: ClassPrediction): LossRange {
  const losses = Object.values(prediction.probabilities).map((probability) =>
    rowLogloss(1, probability),
  );
  return { min: Math.min(...losses), max: Math.max(...losses) };
}

/**
 * The range of the difference in log loss, challenger minus champion, over all possible labels of
 * one row.
 */
export function computeLossDifferences(
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
      rowLogloss(1, readProbability(challenger, name)) -
      rowLogloss(1, readProbability(champion, name)),
  );
  return { min: Math.min(...differences), max: Math.max(...differences) };
}
