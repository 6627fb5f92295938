import type { MetricName } from './names';
import { unitDayWeights } from '../../statistics/day-resamples';
import { auc } from './auc';
import { accuracy, brier, logloss } from './classification';
import type { Metric } from './metric';
import { f1Macro, f1Weighted } from './multiclass';
import { mae, r2, rmse } from './regression';
import type { ScoredSample } from './sample';

export const metrics = {
  logloss,
  auc,
  brier,
  accuracy,
  f1_macro: f1Macro,
  f1_weighted: f1Weighted,
  rmse,
  mae,
  r2,
} as const satisfies Record<MetricName, Metric>;

/** The metric of a sample; NaN when it is undefined. */
export function computeMetric(name: MetricName, sample: ScoredSample): number {
  return metrics[name].prepare(sample)(unitDayWeights(sample.days));
}
