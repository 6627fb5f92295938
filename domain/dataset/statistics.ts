import type { ColumnType } from './dataset';

/** Statistics of a dataset version in the registry. They contain no values of text columns. */
export interface DatasetStatistics {
  readonly rows: number;
  readonly columns: readonly ColumnStatistics[];
  /** Notes on rows and columns that could not be read or typed. */
  readonly notes: readonly string[];
}

export type ColumnStatistics = {
  readonly name: string;
  readonly nulls: number;
  /** Estimated (HyperLogLog, a few percent off). */
  readonly distinct: number;
} & (
  | ({ readonly type: Extract<ColumnType, 'integer' | 'number'> } & NumberStatistics)
  | { readonly type: 'timestamp'; readonly min: string | null; readonly max: string | null }
  | { readonly type: 'boolean'; readonly trues: number }
  | { readonly type: 'string'; readonly shortest: number | null; readonly longest: number | null }
);

export interface NumberStatistics {
  readonly nans: number;
  readonly infinities: number;
  /** Minimum of the finite values; null if there are none. */
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  readonly deviation: number | null;
  /** Estimated (t-digest). */
  readonly quantiles: Readonly<Record<QuantileName, number>> | null;
}

export const quantileNames = ['0.01', '0.05', '0.25', '0.5', '0.75', '0.95', '0.99'] as const;
export type QuantileName = (typeof quantileNames)[number];
