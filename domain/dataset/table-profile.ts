import type { Column, ColumnType } from './dataset';

/** What was measured of a table before a lifecycle is written for it. */
export interface TableProfile {
  readonly rows: number;
  readonly columns: readonly ColumnProfile[];
  /** The values of the label, the most frequent first; `mostLabelValues` at most. */
  readonly labelValues: readonly LabelValue[];
  /** What could not be typed, as sentences without a value. */
  readonly notes: readonly string[];
}

/** Texts that stand for a missing value in files of R, pandas and spreadsheets. */
export const missingMarks = [
  'NA',
  'N/A',
  'n/a',
  'na',
  'NaN',
  'nan',
  'NULL',
  'null',
  'None',
  '?',
  '-',
  '#N/A',
] as const;

/**
 * A text column that holds numbers and missing marks is profiled as numbers, and a label without
 * its marks.
 */
export interface ColumnProfile extends Column {
  /** As the source has it. */
  readonly sourceType: ColumnType;
  /** Those that occur. They were counted as nulls. */
  readonly marks: readonly string[];
  readonly nulls: number;
  readonly distinct: number;
  /** Of numbers; null for other types and where there is no value. */
  readonly deviation: number | null;
  /** Of whole numbers: each value from the smallest to the largest occurs once. */
  readonly isSequence: boolean;
  /** Of texts: most of them are dates that do not begin with the year. */
  readonly looksLikeDate: boolean;
  /** Of times: the days that have rows, counted from 1970 in UTC, rising. */
  readonly days: readonly number[];
  /** Of times: the mean in milliseconds since 1970. */
  readonly meanTime: number | null;
  /** The column alone tells the label in every row. */
  readonly determinesLabel: boolean;
}

export interface LabelValue {
  readonly value: string;
  readonly rows: number;
}

/** One more than a multiclass model can have. */
export const mostLabelValues = 101;
