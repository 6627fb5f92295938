import type { Digest } from '../dataset/artifact';
import type { TimeWindow } from '../dataset/dataset';
import type { Attempt } from './gates/attempts';
import type { EvaluateSpec, MetricName } from '../lifecycle/lifecycle';
import type { ClassMetric } from '../evaluation/metrics/multiclass';
import type { Task } from '../model/model';
import type { ParityEvidence } from '../evaluation/parity';
import type { Bounds } from '../statistics/interval';

/**
 * What was measured of one candidate on one holdout. JSON, without a clock or a machine in it: the
 * same inputs give the same bytes.
 */
export interface Evidence {
  readonly kind: 'evaluation';
  /** Grows when a measurement changes its meaning. */
  readonly version: 1 | 2;
  readonly task: Task;
  /** Manifest digest of what was measured: what is promoted and served must have the same (I3). */
  readonly candidate: Digest;
  /** Digest of the assembled data whose holdout was read. */
  readonly assembled: Digest;
  /** Without it no gate passes that allows an error. */
  readonly attempt?: Attempt;
  /** All of it, whose every row was scored. `days`: of those that were judged. */
  readonly holdout: {
    readonly rows: number;
    /** Of a holdout that was drawn by a hash: blocks. */
    readonly days: number;
    /** Null where rows have no time. */
    readonly window: TimeWindow | null;
    /** Of a split by group: how many there are. */
    readonly groups?: number;
  };
  /** The whole weeks that every figure is of; absent where rows have no time. */
  readonly judged?: {
    readonly rows: number;
    /** That have rows. */
    readonly days: number;
    readonly weeks: number;
    /** Dates in `timezone`, the last one not included. */
    readonly from: string;
    readonly until: string;
    readonly timezone: string;
  };
  readonly resampling: {
    /** What is drawn with replacement: days, or random blocks of rows or of groups. */
    readonly unit: ResampledUnit;
    readonly replicates: number;
    readonly levels: readonly number[];
    /**
     * That days are taken to have with the day before; absent where bounds took them as
     * independent.
     */
    readonly correlation?: number;
  };
  readonly metrics: Measurements;
  /** Of a multiclass candidate, by class in the order of its output. Absent for other tasks. */
  readonly classes?: readonly ClassEvidence[];
  readonly counterparts: Readonly<Record<CounterpartName, CounterpartEvidence>>;
  /** By version: fixed ones that gates name. Absent where none does. */
  readonly anchors?: Readonly<Record<string, CounterpartEvidence>>;
  /** Null when no gate asked for it. */
  readonly parity: ParityEvidence | null;
  /**
   * Row by row: `row`, `label`, `day`, `score`, `champion`, `baseline`, `version_<n>` of each
   * anchor.
   */
  readonly predictions: Digest;
}

/** `row` and `group`: in blocks, `domain/evaluation/measure/random-blocks.ts`. */
export type ResampledUnit = 'day' | 'row' | 'group';

export type CounterpartName = 'champion' | 'baseline';

/** One class against all others. */
export interface ClassEvidence extends Readonly<Record<ClassMetric, Measurement>> {
  readonly class: string;
  /** Judged rows whose label it is. */
  readonly rows: number;
}

export type Measurements = Readonly<Partial<Record<MetricName, Measurement>>>;

/**
 * "Could not measure" is a fact of its own (I10); an estimate without bounds is shown to people and
 * judged by nobody.
 */
export type Measurement =
  | {
      readonly kind: 'measured';
      readonly estimate: number;
      readonly standardError: number;
      readonly bounds: readonly Bounds[];
      readonly rows: number;
      /** Days with rows; blocks where `unit` says that those were resampled. */
      readonly days: number;
      /** Absent where days were. */
      readonly unit?: 'row' | 'group';
    }
  | { readonly kind: 'notMeasured'; readonly reason: string; readonly estimate: number | null };

export type CounterpartEvidence =
  /**
   * There is none, such as a champion before the first promotion; `whenAbsent` says what follows.
   */
  | { readonly kind: 'absent'; readonly reason: string }
  /** There is one, but it could not be laid beside the candidate. Never treated as absent. */
  | { readonly kind: 'notMeasured'; readonly name: string; readonly reason: string }
  | {
      readonly kind: 'measured';
      readonly name: string;
      readonly manifest: Digest;
      readonly metrics: Measurements;
      /**
       * Candidate minus counterpart on the same rows and resamples, turned so that positive is
       * worse.
       */
      readonly increases: Measurements;
      readonly slices: SliceEvidence | null;
    };

export type SliceSpec = NonNullable<EvaluateSpec['slices']>;

export interface SliceEvidence extends SliceSpec {
  readonly slices: readonly SliceMeasurement[];
  /** Groups that stayed under `minRows` even pooled: judged only as part of the whole. */
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
  /** Null is the pool `other` of groups under `minRows`. */
  readonly value: string | null;
  /** How many values were pooled; 1 for a slice of its own. */
  readonly groups: number;
  readonly rows: number;
  readonly increase: Measurement;
  /** Hold for all slices together, where `increase.bounds` hold for this one. */
  readonly simultaneous: readonly Bounds[];
}

/**
 * Fewer days say nothing of a week: no gate may rest on them. Also the fewest for which the
 * intervals were found to hold their level.
 */
export const fewestDays = 7;
