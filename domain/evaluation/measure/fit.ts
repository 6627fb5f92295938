/**
 * How the scores of a model fit the labels of the judged rows. For people who compare versions; no
 * gate uses it. All of it is bounded, whatever the number of rows.
 */
import type { Task } from '../../model/model';
import { unscoredRows } from '../metrics/sample';

export type ModelFit =
  | {
      readonly kind: 'classification';
      readonly calibration: readonly CalibrationBin[];
      readonly confusion: Confusion;
    }
  | {
      readonly kind: 'multiclass';
      /** Of the class with the largest probability: its probability, and whether it was right. */
      readonly calibration: readonly CalibrationBin[];
      readonly confusion: Confusion;
    }
  | {
      readonly kind: 'regression';
      readonly residuals: Histogram;
      readonly byPrediction: readonly PredictionBin[];
    };

/** Rows with neighbouring scores. In a calibrated model `share` is near `score`. */
export interface CalibrationBin {
  readonly rows: number;
  /** The mean score. */
  readonly score: number;
  /** The share of rows whose label agrees. */
  readonly share: number;
}

export interface Confusion {
  readonly classes: readonly string[];
  /** `counts[label][predicted]`. A binary model predicts 1 from a score of 0.5. */
  readonly counts: readonly (readonly number[])[];
}

/** Prediction minus label. `counts` has one number for each span between two edges. */
export interface Histogram {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  readonly below: number;
  readonly above: number;
}

/** Rows with neighbouring predictions. */
export interface PredictionBin {
  readonly rows: number;
  readonly prediction: number;
  readonly label: number;
}

const calibrationBins = 10;
const histogramBins = 20;
/** Share of the residuals beyond each end of the histogram. */
const tailShare = 0.01;
/** The rarest classes beyond this number are pooled. */
const maxClasses = 20;
const pooledClasses = 'other classes';

interface FittedRows {
  readonly task: Task;
  readonly labels: Float64Array;
  /** Scores of the candidate; for multiclass, a probability per class and row. */
  readonly candidate: Float64Array;
  readonly classes?: readonly string[];
}

/** Null without rows, and when a row has no finite score: the others would flatter the model. */
export function measureFit({ task, labels, candidate, classes = [] }: FittedRows): ModelFit | null {
  const width = task === 'multiclass' ? classes.length : 1;
  if (labels.length === 0 || unscoredRows(candidate, width) > 0) return null;
  if (task === 'regression') return regressionFit(labels, candidate);
  if (task === 'multiclass') return multiclassFit(labels, candidate, classes);
  const counts = [
    [0, 0],
    [0, 0],
  ];
  labels.forEach((label, row) => count(counts, label, (candidate[row] ?? 0) >= 0.5 ? 1 : 0));
  return {
    kind: 'classification',
    calibration: computeBins(candidate, labels),
    confusion: { classes: ['0', '1'], counts },
  };
}

function multiclassFit(
  labels: Float64Array,
  probabilities: Float64Array,
  classes: readonly string[],
): ModelFit {
  const rowsOfClass = classes.map(() => 0);
  for (const label of labels) rowsOfClass[label] = (rowsOfClass[label] ?? 0) + 1;
  const byRows = classes.map((_, index) => index);
  byRows.sort((a, b) => (rowsOfClass[b] ?? 0) - (rowsOfClass[a] ?? 0) || a - b);
  const isPooled = classes.length > maxClasses;
  const own = isPooled ? byRows.slice(0, maxClasses - 1).sort((a, b) => a - b) : classes.keys();
  const shown = [...own];
  const placeOf = new Map(shown.map((index, place) => [index, place]));
  const place = (index: number): number => placeOf.get(index) ?? shown.length;
  const names = [
    ...shown.map((index) => classes[index] ?? ''),
    ...(isPooled ? [pooledClasses] : []),
  ];
  const counts = names.map(() => names.map(() => 0));
  const [confidence, isRight] = [new Float64Array(labels.length), new Float64Array(labels.length)];
  labels.forEach((label, row) => {
    let predicted = 0;
    for (let index = 1; index < classes.length; index += 1)
      if (at(probabilities, row, index) > at(probabilities, row, predicted)) predicted = index;
    confidence[row] = at(probabilities, row, predicted);
    isRight[row] = predicted === label ? 1 : 0;
    count(counts, place(label), place(predicted));
  });
  return {
    kind: 'multiclass',
    calibration: computeBins(confidence, isRight),
    confusion: { classes: names, counts },
  };

  function at(values: Float64Array, row: number, index: number): number {
    return values[row * classes.length + index] ?? 0;
  }
}

function regressionFit(labels: Float64Array, predictions: Float64Array): ModelFit {
  const residuals = labels.map((label, row) => (predictions[row] ?? 0) - label).sort();
  const quantile = (share: number): number =>
    residuals[Math.min(residuals.length - 1, Math.floor(share * residuals.length))] ?? 0;
  const [low, high] = [quantile(tailShare), quantile(1 - tailShare)];
  const span = high - low;
  const bins = span > 0 ? histogramBins : 1;
  const edges = Array.from({ length: bins + 1 }, (_, edge) => low + (span * edge) / bins);
  const counts = new Array<number>(bins).fill(0);
  let [below, above] = [0, 0];
  for (const residual of residuals) {
    if (residual < low) below += 1;
    else if (residual > high) above += 1;
    else {
      const share = span > 0 ? (residual - low) / span : 0;
      const bin = Math.min(Math.floor(share * bins), bins - 1);
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
  }
  return {
    kind: 'regression',
    residuals: { edges, counts, below, above },
    byPrediction: computeBins(predictions, labels).map(({ rows, score, share }) => ({
      rows,
      prediction: score,
      label: share,
    })),
  };
}

/** Means of both values in bins of equal size, sorted by the first. Equal values share a bin. */
function computeBins(scores: Float64Array, values: Float64Array): readonly CalibrationBin[] {
  const order = Int32Array.from(scores.keys()).sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0));
  const bins: CalibrationBin[] = [];
  const size = Math.max(1, Math.ceil(order.length / calibrationBins));
  for (let from = 0; from < order.length;) {
    let to = Math.min(from + size, order.length);
    while (to < order.length && scores[order[to] ?? 0] === scores[order[to - 1] ?? 0]) to += 1;
    const rows = order.subarray(from, to);
    const mean = (of: Float64Array): number =>
      rows.reduce((sum, row) => sum + (of[row] ?? 0), 0) / rows.length;
    bins.push({ rows: rows.length, score: mean(scores), share: mean(values) });
    from = to;
  }
  return bins;
}

function count(counts: number[][], label: number, predicted: number): void {
  const row = counts[label];
  if (row !== undefined) row[predicted] = (row[predicted] ?? 0) + 1;
}
