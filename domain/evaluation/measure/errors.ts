import type { MetricName } from '../metrics/names';
import { heavyTail, type TailIndex } from '../../statistics/tail-index';
import type { ScoredCounterpart, ScoredHoldout } from './plan';

/** Errors that are further from the label than `bound` count as so far. Only for regression. */
export function boundErrors(holdout: ScoredHoldout, bound: number | undefined): ScoredHoldout {
  if (bound === undefined || holdout.task !== 'regression') return holdout;
  const within = (scores: Float64Array) =>
    scores.map((score, row) => {
      const label = holdout.labels[row] ?? NaN;
      return Math.min(label + bound, Math.max(label - bound, score));
    });
  const counterpart = (scored: ScoredCounterpart): ScoredCounterpart =>
    scored.kind === 'scored' ? { ...scored, scores: within(scored.scores) } : scored;
  return {
    ...holdout,
    candidate: within(holdout.candidate),
    counterparts: {
      champion: counterpart(holdout.counterparts.champion),
      baseline: counterpart(holdout.counterparts.baseline),
    },
    anchors: Object.fromEntries(
      Object.entries(holdout.anchors).map(([version, scored]) => [version, counterpart(scored)]),
    ),
  };
}

/** The losses of rows that have no largest value, by metric. */
const unboundedLosses: Readonly<Partial<Record<MetricName, (error: number) => number>>> = {
  mae: (error) => Math.abs(error),
  rmse: (error) => error ** 2,
  r2: (error) => error ** 2,
};

export interface ErrorRows {
  readonly labels: Float64Array;
  readonly scores: Float64Array;
  /** The other version of a difference. */
  readonly others?: Float64Array | undefined;
}

/** The heavy tail of the losses of a metric, or of their differences; null without one. */
export function heavyTailIn(
  metric: MetricName,
  { labels, scores, others }: ErrorRows,
): TailIndex | null {
  const loss = unboundedLosses[metric];
  if (loss === undefined) return null;
  return heavyTail(
    labels.map((label, row) => {
      const own = loss((scores[row] ?? NaN) - label);
      return others === undefined ? own : Math.abs(own - loss((others[row] ?? NaN) - label));
    }),
  );
}
