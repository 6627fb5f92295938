import type { Digest } from '../../artifact';
import type { CounterpartEvidence, CounterpartName, ResampledUnit, SliceSpec } from '../evidence';
import type { MetricName } from '../metrics/names';
import type { Task } from '../../model/model';
import type { DayPeriod } from '../../statistics/day-history';
import type { Seed } from '../../statistics/random';
import type { ClassMetric } from '../metrics/multiclass';
import type { ScoredSample } from '../metrics/sample';
import type { DayResamples } from '../../statistics/day-resamples';

export interface HoldoutWork {
  readonly holdout: ScoredHoldout;
  readonly plan: MeasurementPlan;
  readonly resamples: DayResamples;
}

export type Scores = Pick<ScoredSample, 'scores' | 'width'>;

export interface MetricOfClass {
  readonly metric: ClassMetric;
  readonly class: string;
}

/** A column's value in each row, as an index into its distinct values. */
export type SliceColumn =
  | { readonly kind: 'coded'; readonly values: readonly string[]; readonly codes: Int32Array }
  | { readonly kind: 'missing'; readonly reason: string };

/** The rows of the judged days, with the scores of all versions. */
export interface ScoredHoldout {
  readonly task: Task;
  readonly labels: Float64Array;
  /** Numbered from 0 in order of time, without days that have no rows. */
  readonly day: Int32Array;
  readonly days: number;
  /** Only multiclass: the classes that labels number. */
  readonly classes?: readonly string[];
  /** Scores of the candidate; for multiclass, a probability per class and row. */
  readonly candidate: Float64Array;
  readonly counterparts: Readonly<Record<CounterpartName, ScoredCounterpart>>;
  /** Version → scored counterpart. */
  readonly anchors: Readonly<Record<string, ScoredCounterpart>>;
  readonly sliceColumns: Readonly<Record<string, SliceColumn>>;
}

export type ScoredCounterpart =
  | Extract<CounterpartEvidence, { readonly kind: 'absent' | 'notMeasured' }>
  | {
      readonly kind: 'scored';
      readonly name: string;
      readonly manifest: Digest;
      readonly scores: Float64Array;
      /** Scores per row; default 1. */
      readonly width?: number;
    };

export interface MeasurementPlan {
  readonly metrics: readonly MetricName[];
  /** The metrics of classes to compare with the counterparts; default none. */
  readonly classes?: readonly MetricOfClass[];
  readonly slices: SliceSpec | null;
  readonly levels: readonly number[];
  /** Larger errors of a regression count as so large; default: no bound. */
  readonly errorBound?: number | undefined;
  /** The unit that `day` of the holdout numbers; default days. */
  readonly unit?: ResampledUnit | undefined;
  readonly seed: Seed;
  /** Calendar days of the rows, `until` exclusive; absent for random blocks. */
  readonly judged?: { readonly from: number; readonly until: number } | undefined;
  /** Daily differences to champions in earlier holdouts and rollouts, newest first. */
  readonly history?: Readonly<Partial<Record<MetricName, readonly DayPeriod[]>>>;
}
