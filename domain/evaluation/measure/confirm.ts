import type { Measurement } from '../evidence';
import type { MetricName } from '../metrics/names';
import { computeIncrease } from '../metrics/metric';
import { metrics } from '../metrics/metrics';
import type { ScoredSample } from '../metrics/sample';
import { assumedDayCorrelation } from '../../statistics/day-correlation';
import { dayResamples, unitDayWeights } from '../../statistics/day-resamples';
import { bootstrapReplicates } from '../../statistics/interval';
import type { Seed } from '../../statistics/random';
import { measure } from './measurement';

/**
 * The confidence for choosing tuned parameters. Less than for a promotion, because gates follow,
 * but more than 0.5, because the best of many trials looks better than it is.
 */
export const confirmLevel = 0.9;

export interface ConfirmSample {
  readonly metric: MetricName;
  readonly labels: Float64Array;
  /** Numbered from 0 in order of time, without gaps. */
  readonly day: Int32Array;
  readonly days: number;
  /** Scores of the same rows, row for row. */
  readonly byDefault: Float64Array;
  readonly tuned: Float64Array;
  /** Scores per row; default 1. */
  readonly width?: ScoredSample['width'];
  /** The unit that `day` numbers; default days. */
  readonly unit?: 'row' | 'group' | undefined;
  readonly seed: Seed;
}

/** Null means unbounded or not measured. */
export interface Confirmation {
  readonly metric: MetricName;
  readonly rows: number;
  readonly days: number;
  readonly unit?: 'row' | 'group';
  readonly default: number | null;
  readonly tuned: number | null;
  /** Tuned minus default; positive is worse. */
  readonly difference: number | null;
  /** Two one-sided bounds of the difference at `level`. */
  readonly interval: {
    readonly level: number;
    readonly lower: number | null;
    readonly upper: number | null;
  };
  /** Why it could not be measured; null otherwise. */
  readonly reason: string | null;
}

/**
 * The difference between two models on the same rows. Whole days are resampled (day-resamples.ts),
 * so parameters that are better on only a few days are not shown to be better.
 */
export function measureConfirmation({
  metric: name,
  labels,
  day,
  days,
  byDefault,
  tuned,
  width,
  unit,
  seed,
}: ConfirmSample): Confirmation {
  const metric = metrics[name];
  const sample = { labels, day, days, ...(width !== undefined && { width }) };
  const [ofDefault, ofTuned] = [byDefault, tuned].map((scores) =>
    metric.prepare({ ...sample, scores }),
  );
  if (!ofDefault || !ofTuned) throw new Error('expected the scores of two models');
  const unitWeights = unitDayWeights(days);
  const { measurement } = measure({
    what: `the difference in ${name}`,
    statistic: computeIncrease(metric, ofTuned, ofDefault),
    resamples: dayResamples({ days, replicates: bootstrapReplicates, seed }),
    levels: [confirmLevel],
    unit,
    rows: labels.length,
    days: new Set(day).size,
    // Two weeks say too little of their correlation. Gates judge confirmed parameters once more.
    correlation: { value: assumedDayCorrelation, from: null },
  });
  return {
    metric: name,
    rows: labels.length,
    days,
    ...(unit !== undefined && { unit }),
    default: finite(ofDefault(unitWeights)),
    tuned: finite(ofTuned(unitWeights)),
    difference: measurement.estimate,
    interval: readInterval(measurement),
    reason: measurement.kind === 'notMeasured' ? measurement.reason : null,
  };
}

/** Only parameters that are shown to be better replace the default (I10). */
export function isConfirmed({ interval }: Pick<Confirmation, 'interval'>): boolean {
  return interval.upper !== null && interval.upper < 0;
}

function readInterval(measurement: Measurement): Confirmation['interval'] {
  const bounds =
    measurement.kind === 'measured'
      ? measurement.bounds.find(({ level }) => level === confirmLevel)
      : undefined;
  return { level: confirmLevel, lower: bounds?.lower ?? null, upper: bounds?.upper ?? null };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
