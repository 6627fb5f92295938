/** Labels, scores and days of the same rows. Days are numbered from 0 in order, without gaps. */
export interface ScoredSample {
  /** 0 or 1 in binary classification, the class number in multiclass. */
  readonly labels: Float64Array;
  /** Probability of label 1 or the predicted value; in multiclass `width` probabilities per row. */
  readonly scores: Float64Array;
  /** Scores per row, the number of classes in multiclass. Default 1. */
  readonly width?: number;
  readonly day: Int32Array;
  readonly days: number;
}

/** A part of a sample by row index. Days keep their numbers, so that resamples stay valid. */
export function selectRows(sample: ScoredSample, rows: Int32Array): ScoredSample {
  const { width = 1 } = sample;
  return {
    ...sample,
    labels: Float64Array.from(rows, (row) => sample.labels[row] ?? NaN),
    scores: scoresOfRows(sample.scores, rows, width),
    day: Int32Array.from(rows, (row) => sample.day[row] ?? 0),
  };
}

/** `width` scores for each row index. */
export function scoresOfRows(scores: Float64Array, rows: Int32Array, width: number): Float64Array {
  const part = new Float64Array(rows.length * width);
  rows.forEach((row, place) => {
    for (let column = 0; column < width; column += 1)
      part[place * width + column] = scores[row * width + column] ?? NaN;
  });
  return part;
}

/** The number of rows without a finite score. */
export function unscoredRows(scores: Float64Array, width: number): number {
  let unscored = 0;
  for (let from = 0; from < scores.length; from += width) {
    if (!scores.subarray(from, from + width).every(Number.isFinite)) unscored += 1;
  }
  return unscored;
}

/** The width of a sample with a probability for each class. */
export function computeWidth(classes: readonly string[] | undefined): Pick<ScoredSample, 'width'> {
  return classes === undefined ? {} : { width: classes.length };
}
