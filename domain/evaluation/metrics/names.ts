import type { Task } from '../../model/model';

export const classificationMetrics = ['logloss', 'auc', 'brier', 'accuracy'] as const;

export const multiclassMetrics = ['logloss', 'accuracy', 'f1_macro', 'f1_weighted'] as const;

export const regressionMetrics = ['rmse', 'mae', 'r2'] as const;

export type MetricName =
  | (typeof classificationMetrics)[number]
  | (typeof multiclassMetrics)[number]
  | (typeof regressionMetrics)[number];

/** The metrics of each task. */
export const metricsOfTask = {
  classification: classificationMetrics,
  multiclass: multiclassMetrics,
  regression: regressionMetrics,
} as const satisfies Record<Task, readonly MetricName[]>;

/** Metrics that are a mean over rows, so that each request has a loss. */
export const rowLosses = ['logloss', 'brier', 'mae'] as const satisfies readonly MetricName[];

export type RowLoss = (typeof rowLosses)[number];
