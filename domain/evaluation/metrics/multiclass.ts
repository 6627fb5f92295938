import type { DayStatistic } from '../../statistics/day-resamples';
import type { Metric } from './metric';
import type { ScoredSample } from './sample';

/** The unweighted mean of the classes' F1, as scikit-learn's `f1_score(average="macro")`. */
export const f1Macro: Metric = {
  name: 'f1_macro',
  tasks: ['multiclass'],
  better: 'higher',
  prepare: (sample) => averageF1(sample, () => 1),
};

/** The mean of the classes' F1, weighted by labels, as `f1_score(average="weighted")`. */
export const f1Weighted: Metric = {
  name: 'f1_weighted',
  tasks: ['multiclass'],
  better: 'higher',
  prepare: (sample) => averageF1(sample, ({ labelled }) => labelled),
};

/** Metrics of one class against all others. */
export const classMetrics = ['precision', 'recall', 'f1'] as const;
export type ClassMetric = (typeof classMetrics)[number];

export function isClassMetric(metric: string): metric is ClassMetric {
  return (classMetrics as readonly string[]).includes(metric);
}

/** The class of the highest probability; the first of equal ones. */
export function predictedClass(scores: ArrayLike<number>, from: number, width: number): number {
  let best = 0;
  for (let column = 1; column < width; column += 1) {
    if ((scores[from + column] ?? NaN) > (scores[from + best] ?? NaN)) best = column;
  }
  return best;
}

/**
 * Scores of a version with the classes `own`, as columns for `wanted`. A missing class has the
 * probability 0. Other classes share one more column, their highest probability, so that choosing
 * one of them is wrong.
 */
export function alignClasses(
  scores: Float64Array,
  own: readonly string[],
  wanted: readonly string[],
): Pick<Required<ScoredSample>, 'scores' | 'width'> {
  const others = own.flatMap((name, column) => (wanted.includes(name) ? [] : [column]));
  const places = wanted.map((name) => own.indexOf(name));
  const width = wanted.length + (others.length > 0 ? 1 : 0);
  const rows = scores.length / own.length;
  const aligned = new Float64Array(rows * width);
  for (let row = 0; row < rows; row += 1) {
    const from = row * own.length;
    places.forEach(
      (place, column) =>
        (aligned[row * width + column] = place === -1 ? 0 : (scores[from + place] ?? NaN)),
    );
    if (others.length > 0)
      aligned[row * width + wanted.length] = Math.max(
        ...others.map((column) => scores[from + column] ?? NaN),
      );
  }
  return { scores: aligned, width };
}

/** The probability of each row's label. */
export function labelProbabilities({ labels, scores, width = 1 }: ScoredSample): Float64Array {
  return Float64Array.from(labels, (label, row) => scores[row * width + label] ?? NaN);
}

/**
 * Precision (share of the rows that were predicted as this class and are), recall (share of the
 * rows of this class that were predicted as it) and F1, their harmonic mean 2·tp / (labelled +
 * predicted). Undefined where the denominator is 0. C. J. van Rijsbergen, "Information Retrieval"
 * (1979), ch. 7.
 */
export function classStatistics(
  sample: ScoredSample,
): readonly Readonly<Record<ClassMetric, DayStatistic>>[] {
  const { width = 1 } = sample;
  const counts = countClasses(sample);
  const statistic =
    (index: number, value: (counted: ClassCounts) => number): DayStatistic =>
    (weights) =>
      value(counts(weights, index));
  return Array.from({ length: width }, (_, index) => ({
    precision: statistic(index, ({ right, predicted }) => right / predicted),
    recall: statistic(index, ({ right, labelled }) => right / labelled),
    f1: statistic(index, computeF1),
  }));
}

/** The rows that a metric is a share of, and the number of days with such rows. */
export interface ClassSupport {
  readonly rows: number;
  readonly days: number;
}

/**
 * The support of each class: its labels for recall, its predictions for precision, and for F1 half
 * of both together, which is the denominator of F1.
 */
export function classSupport(
  sample: ScoredSample,
): readonly Readonly<Record<ClassMetric, ClassSupport>>[] {
  const { width = 1, days } = sample;
  const counts = countClasses(sample);
  const day = new Float64Array(days);
  return Array.from({ length: width }, (_, index) => {
    const perDay = Array.from({ length: days }, (_day, at) => {
      day[at] = 1;
      const counted = counts(day, index);
      day[at] = 0;
      return counted;
    });
    const of = (rows: (counted: ClassCounts) => number): ClassSupport => ({
      rows: Math.floor(perDay.reduce((sum, counted) => sum + rows(counted), 0)),
      days: perDay.filter((counted) => rows(counted) > 0).length,
    });
    return {
      precision: of(({ predicted }) => predicted),
      recall: of(({ labelled }) => labelled),
      f1: of(({ labelled, predicted }) => (labelled + predicted) / 2),
    };
  });
}

interface ClassCounts {
  /** Rows of the class that were predicted as it. */
  readonly right: number;
  readonly labelled: number;
  readonly predicted: number;
}

function computeF1({ right, labelled, predicted }: ClassCounts): number {
  return (2 * right) / (labelled + predicted);
}

/** Classes without labels and predictions have no F1 and are skipped. */
function averageF1(sample: ScoredSample, weightOf: (counted: ClassCounts) => number): DayStatistic {
  const { width = 1 } = sample;
  const counts = countClasses(sample);
  return (weights) => {
    let [sum, total] = [0, 0];
    for (let index = 0; index < width; index += 1) {
      const counted = counts(weights, index);
      if (counted.labelled + counted.predicted === 0) continue;
      const weight = weightOf(counted);
      sum += weight * computeF1(counted);
      total += weight;
    }
    return sum / total;
  };
}

/** Counts per day and class, so that a resample costs days × classes. */
function countClasses({ labels, scores, width = 1, day, days }: ScoredSample) {
  const [right, labelled, predicted] = [0, 1, 2].map(() => new Float64Array(days * width)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const add = (to: Float64Array, index: number): void => void (to[index] = (to[index] ?? 0) + 1);
  labels.forEach((label, row) => {
    const start = (day[row] ?? 0) * width;
    const guess = predictedClass(scores, row * width, width);
    add(labelled, start + label);
    add(predicted, start + guess);
    if (guess === label) add(right, start + label);
  });
  return (weights: ArrayLike<number>, index: number): ClassCounts => {
    const sums = { right: 0, labelled: 0, predicted: 0 };
    for (let at = 0; at < days; at += 1) {
      const weight = weights[at] ?? 0;
      if (weight === 0) continue;
      const place = at * width + index;
      sums.right += weight * (right[place] ?? 0);
      sums.labelled += weight * (labelled[place] ?? 0);
      sums.predicted += weight * (predicted[place] ?? 0);
    }
    return sums;
  };
}
