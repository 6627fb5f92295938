import type { Column, ColumnType } from './dataset';

/** The profile of a table, from which a lifecycle is inferred. */
export interface TableProfile {
  readonly rows: number;
  readonly columns: readonly ColumnProfile[];
  /** The values of the label, most frequent first, at most `maxLabelValues`. */
  readonly labelValues: readonly LabelValue[];
  /** Notes on columns without a type; they contain no values. */
  readonly notes: readonly string[];
}

/** Texts for a missing value in files of R, pandas and spreadsheets. */
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

/** A text column of numbers and missing marks is profiled as numbers; a label without its marks. */
export interface ColumnProfile extends Column {
  /** The type in the source. */
  readonly sourceType: ColumnType;
  /** The missing marks that occur; they count as nulls. */
  readonly marks: readonly string[];
  readonly nulls: number;
  readonly distinct: number;
  /** Standard deviation of numbers; null for other types and without values. */
  readonly deviation: number | null;
  /** Whole numbers in which each value from the smallest to the largest occurs once. */
  readonly isSequence: boolean;
  /** Texts that mostly are dates and do not begin with the year. */
  readonly looksLikeDate: boolean;
  /** Days with rows, for times; counted from 1970 in UTC, increasing. */
  readonly days: readonly number[];
  /** Mean in milliseconds since 1970, for times. */
  readonly meanTime: number | null;
  /** The column alone determines the label in every row. */
  readonly determinesLabel: boolean;
}

export interface LabelValue {
  readonly value: string;
  readonly rows: number;
}

/** One more than the classes of a multiclass model. */
export const maxLabelValues = 101;
