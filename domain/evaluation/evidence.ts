import type { Digest } from '../artifact';
import type { TimeWindow } from '../dataset/dataset';
import type { Attempt } from './attempts';
import type { MetricName } from './metrics/names';
import type { ClassMetric } from './metrics/multiclass';
import type { Task } from '../model/model';
import type { ModelFit } from './measure/fit';
import type { ParityEvidence } from './parity';
import type { DayCorrelation } from '../statistics/day-history';
import type { TailIndex } from '../statistics/tail-index';
import type { Bounds } from '../statistics/interval';

/**
 * The measurements of one candidate on one holdout. JSON without times or host names, so that the
 * same inputs give the same bytes.
 */
export interface Evidence {
  readonly kind: 'evaluation';
  /** Grows when a measurement changes its meaning. */
  readonly version: 2;
  readonly task: Task;
  /** Manifest digest of the measured candidate; the promoted version must have the same (I3). */
  readonly candidate: Digest;
  /** Digest of the assembled data whose holdout was read. */
  readonly assembled: Digest;
  /** Without it no gate with a confidence passes. */
  readonly attempt?: Attempt;
  /** The whole holdout, all scored. `days`: days of the judged rows. */
  readonly holdout: {
    readonly rows: number;
    /** Blocks, for a holdout by a hash. */
    readonly days: number;
    /** Null when the rows have no time. */
    readonly window: TimeWindow | null;
    /** The number of groups, for a split by group. */
    readonly groups?: number;
  };
  /** The whole weeks that every measurement is over; absent when the rows have no time. */
  readonly judged?: {
    readonly rows: number;
    /** Days with rows. */
    readonly days: number;
    readonly weeks: number;
    /** Dates in `timezone`; `until` is exclusive. */
    readonly from: string;
    readonly until: string;
    readonly timezone: string;
  };
  readonly resampling: {
    /** The unit drawn with replacement: days, or random blocks of rows or groups. */
    readonly unit: ResampledUnit;
    readonly replicates: number;
    readonly levels: readonly number[];
    /** The least assumed correlation of successive days; absent when days are independent. */
    readonly correlation?: number;
  };
  /** Larger errors count as so large, in all metrics of regression; absent without a bound. */
  readonly errorBound?: number;
  readonly metrics: Measurements;
  /** By class in the order of the output; only for multiclass. */
  readonly classes?: readonly ClassEvidence[];
  /** Null if a row has no score. Stored evidence may lack it. */
  readonly fit?: ModelFit | null;
  readonly counterparts: Readonly<Record<CounterpartName, CounterpartEvidence>>;
  /** The fixed versions of gates, by number; absent without any. */
  readonly anchors?: Readonly<Record<string, CounterpartEvidence>>;
  /** Null without a parity gate. */
  readonly parity: ParityEvidence | null;
  /** Digest of a table: `row`, `label`, `day`, `score`, `champion`, `baseline`, `version_<n>`. */
  readonly predictions: Digest;
}

/** `row` and `group` are put into blocks: `domain/evaluation/measure/random-blocks.ts`. */
export type ResampledUnit = 'day' | 'row' | 'group';

export type CounterpartName = 'champion' | 'baseline';

/** One class against all others. */
export interface ClassEvidence extends Readonly<Record<ClassMetric, Measurement>> {
  readonly class: string;
  /** The judged rows with this label. */
  readonly rows: number;
}

/** The difference in a metric of one class; positive is worse. */
export interface ClassIncrease {
  readonly metric: ClassMetric;
  readonly class: string;
  readonly increase: Measurement;
}

export type Measurements = Readonly<Partial<Record<MetricName, Measurement>>>;

/** A missing measurement is its own kind (I10). Its estimate without bounds is only displayed. */
export type Measurement =
  | {
      readonly kind: 'measured';
      readonly estimate: number;
      readonly standardError: number;
      readonly bounds: readonly Bounds[];
      readonly rows: number;
      /** Days with rows, or blocks when `unit` is given. */
      readonly days: number;
      /** Absent when days were resampled. */
      readonly unit?: 'row' | 'group';
      /** Given if the largest rows decide, so that the bounds do not hold. */
      readonly heavyTail?: TailIndex;
      /** The correlation of days in the bounds. Absent for blocks and in earlier evidence. */
      readonly correlation?: DayCorrelation;
    }
  | { readonly kind: 'notMeasured'; readonly reason: string; readonly estimate: number | null };

export type CounterpartEvidence =
  /** There is no such version, as before the first promotion; the gate's `whenAbsent` applies. */
  | { readonly kind: 'absent'; readonly reason: string }
  /** The version exists but could not be compared. Never treated as absent. */
  | { readonly kind: 'notMeasured'; readonly name: string; readonly reason: string }
  | {
      readonly kind: 'measured';
      readonly name: string;
      readonly manifest: Digest;
      readonly metrics: Measurements;
      /** Candidate minus counterpart on the same rows and resamples; positive is worse. */
      readonly increases: Measurements;
      /**
       * The influence of each judged day on the increases, in order of time, from which later
       * decisions estimate the correlation of days. Only of the champion.
       */
      readonly byDay?: Readonly<Partial<Record<MetricName, readonly number[]>>>;
      /** Those that gates ask for; absent without any. */
      readonly classIncreases?: readonly ClassIncrease[];
      readonly slices: SliceEvidence | null;
    };

export interface SliceSpec {
  readonly columns: readonly string[];
  readonly metric: MetricName;
  readonly minRows: number;
}

export interface SliceEvidence extends SliceSpec {
  readonly slices: readonly SliceMeasurement[];
  /** Groups below `minRows` even when pooled; not judged as slices. */
  readonly unjudged: readonly {
    readonly column: string;
    readonly groups: number;
    readonly rows: number;
  }[];
  /** Columns that could not be sliced, with the reason. */
  readonly missing: readonly string[];
}

export interface SliceMeasurement {
  readonly column: string;
  /** Null is the slice `other`, which pools groups below `minRows`. */
  readonly value: string | null;
  /** The number of pooled values; 1 for an own slice. */
  readonly groups: number;
  readonly rows: number;
  readonly increase: Measurement;
  /** Bounds that hold for all slices together; `increase.bounds` hold for this one. */
  readonly simultaneous: readonly Bounds[];
}

/**
 * The fewest days for a gate: a whole week, and the fewest for which intervals keep their level.
 */
export const minDays = 7;
