/** Labels and scores of the same rows, with the day of each. Days are numbered from 0 in order of time, without gaps. */
export interface ScoredSample {
  /** 0 or 1 in classification. */
  readonly labels: Float64Array;
  /** Probability of label 1, or the predicted value. */
  readonly scores: Float64Array;
  readonly day: Int32Array;
  readonly days: number;
}

/** The rows of a sample, by index; days keep their numbers, so that one set of resamples serves all parts of a sample. */
export function rowsOf(sample: ScoredSample, rows: Int32Array): ScoredSample {
  return {
    labels: Float64Array.from(rows, (row) => sample.labels[row] ?? NaN),
    scores: Float64Array.from(rows, (row) => sample.scores[row] ?? NaN),
    day: Int32Array.from(rows, (row) => sample.day[row] ?? 0),
    days: sample.days,
  };
}
