import type { Evidence } from '../evidence';

/** The mean of the labels in the holdout of an evaluation. */
export interface HoldoutLabels {
  /** `share`: the labels are 0 and 1. */
  readonly kind: 'share' | 'mean';
  readonly mean: number;
  readonly rows: number;
}

/** Null for a model of several classes, and for evidence that does not tell. */
export function readHoldoutLabels({ fit }: Pick<Evidence, 'fit'>): HoldoutLabels | null {
  switch (fit?.kind) {
    case 'classification': {
      const [negatives = 0, positives = 0] = fit.confusion.counts.map((row) =>
        row.reduce((sum, rows) => sum + rows, 0),
      );
      return toHoldoutLabels('share', positives, negatives + positives);
    }
    case 'regression': {
      const rows = fit.byPrediction.reduce((sum, bin) => sum + bin.rows, 0);
      const total = fit.byPrediction.reduce((sum, bin) => sum + bin.rows * bin.label, 0);
      return toHoldoutLabels('mean', total, rows);
    }
    case 'multiclass':
    case undefined:
      return null;
  }
}

function toHoldoutLabels(
  kind: HoldoutLabels['kind'],
  sum: number,
  rows: number,
): HoldoutLabels | null {
  return rows === 0 ? null : { kind, mean: sum / rows, rows };
}
