import type { Bounds } from '../../statistics/interval';
import {
  emptyMean,
  extendMean,
  meanBounds,
  type MeanRange,
  type MeanState,
} from '../../statistics/mean-sequence';
import type { Score } from './score';

/**
 * The scores of one dimension so far. The interval is a confidence sequence
 * (domain/statistics/mean-sequence.ts). It holds for any number of looks, so more cases may be
 * asked until a gate is decided. Unmeasured cases count as 0 for the lower bound and as 1 for the
 * upper bound (C. F. Manski, "Nonparametric bounds on treatment effects", American Economic Review
 * 80 (1990)).
 */
export interface Aggregate {
  /** Cases to which the dimension applies, including failures. */
  readonly cases: number;
  readonly failures: number;
  /** Reason → cases. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly notApplicable: number;
  /** Mean of the measured cases, for people; no gate reads it. */
  readonly mean: number | null;
  readonly range: { readonly min: number; readonly max: number };
  /** Means with failures at their worst, then at their best. */
  readonly worst: MeanState;
  readonly best: MeanState;
}

const shares = { min: 0, max: 1 } as const;

/** `scores` are in the order of the cases, which must not depend on the scores. */
export function aggregate(scores: readonly Score[]): Aggregate {
  return aggregateValues(
    scores.flatMap((score): readonly Observation[] => {
      if (score.kind === 'notApplicable') return [];
      return [
        score.kind === 'scored'
          ? { low: score.value, high: score.value }
          : { low: 0, high: 1, failure: score.reason },
      ];
    }),
    shares,
    scores.filter(({ kind }) => kind === 'notApplicable').length,
  );
}

/** A known value (`low` equals `high`), or the range of an unknown one. */
export interface Observation {
  readonly low: number;
  readonly high: number;
  readonly failure?: string;
}

export function aggregateValues(
  observations: readonly Observation[],
  range: { readonly min: number; readonly max: number },
  notApplicable = 0,
): Aggregate {
  const failed = observations.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  const known = observations.filter(({ failure }) => failure === undefined).map(({ low }) => low);
  const reasons: Record<string, number> = {};
  for (const reason of failed) reasons[reason] = (reasons[reason] ?? 0) + 1;
  const state = (side: 'low' | 'high') =>
    extendMean(
      emptyMean(),
      meanRange(range),
      observations.map((each) => each[side]),
    );
  return {
    cases: observations.length,
    failures: failed.length,
    reasons,
    notApplicable,
    mean: known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length,
    range,
    worst: state('low'),
    best: state('high'),
  };
}

/** Two one-sided bounds, each at `level`, a share such as 0.95. */
export function computeBounds(
  { worst, best, range }: Pick<Aggregate, 'worst' | 'best' | 'range'>,
  level: number,
): Bounds {
  const { lower } = meanBounds(worst, meanRange(range), 1 - level);
  const { upper } = meanBounds(best, meanRange(range), 1 - level);
  return { level, lower, upper };
}

function meanRange(range: { readonly min: number; readonly max: number }): MeanRange {
  return { ...range, guess: range };
}
