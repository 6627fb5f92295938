import type { ArtifactRef } from './artifact';
import type { Column, ColumnType, TimeWindow } from './dataset';
import type { FeatureColumn, Task } from '../model/model';

/**
 * In order of time, or drawn by a hash of rows or groups: the model learns on `train`, is tuned on
 * `tuning`, chosen on `confirm` and judged once on `holdout`.
 */
export const assembledParts = ['train', 'tuning', 'confirm', 'holdout'] as const;
export type AssembledPartName = (typeof assembledParts)[number];

/**
 * Columns that assembly adds to both Parquet files of a part. No user column may carry these names.
 */
export const rowColumn = '__row';
export const labelColumn = '__label';
export const timeColumn = '__time';
export const entityColumn = '__entity';
export const dayColumn = '__day';
export const reservedColumns = [
  rowColumn,
  labelColumn,
  timeColumn,
  entityColumn,
  dayColumn,
] as const;
export const reservedColumnTypes: readonly Column[] = [
  { name: rowColumn, type: 'integer' },
  { name: labelColumn, type: 'number' },
  { name: timeColumn, type: 'timestamp' },
  { name: entityColumn, type: 'string' },
  { name: dayColumn, type: 'string' },
];

/**
 * Only where parts are drawn by a hash: VARCHAR, the hash that put a row into its part, in
 * hexadecimal. Rows of one group share it, and so do rows whose columns are all equal.
 */
export const groupColumn = '__group';

export interface AssembledPart {
  readonly rows: number;
  /** Half-open, whole part; rows lie inside. Null where the rows have no time. */
  readonly window: TimeWindow | null;
  /**
   * Parquet: the request's columns as a caller would send them, then the reserved columns. Ordered
   * by `__row`.
   */
  readonly requestRows: ArtifactRef;
  /**
   * Parquet: the feature columns (DOUBLE or VARCHAR, no nulls), then the reserved columns. Ordered
   * by `__row`; row for row the same as `requestRows`.
   */
  readonly features: ArtifactRef;
}

/** Why assembled rows are in no part. */
export interface DroppedRows {
  readonly outsideWindow: number;
  readonly withoutTime: number;
  readonly withoutLabel: number;
  /** Their label was not yet known at the window's end. */
  readonly unripe: number;
  /** Of a split by group: their group is null. Absent of other splits. */
  readonly withoutGroup?: number;
}

/**
 * The output of assembly; stored as canonical JSON and passed by reference. `__row` BIGINT (unique
 * over all parts, in order of time), `__label` DOUBLE (0 or 1 in classification, the number of a
 * class in multiclass), `__time` TIMESTAMP UTC, `__entity` VARCHAR (null without an entity column),
 * `__day` VARCHAR `YYYY-MM-DD` UTC.
 */
export interface AssembledData {
  /** Everything `assemble.sql` gave back, label included. */
  readonly columns: readonly Column[];
  readonly label: string;
  readonly labelType: ColumnType;
  readonly task: Task;
  /**
   * In multiclass: the classes that the rows to train on have; `__label` numbers them from 0.
   * Absent for other tasks.
   */
  readonly classes?: readonly string[];
  /** Null where rows have no time: then `__time` and `__day` are null in every row. */
  readonly time: string | null;
  /**
   * What is drawn by a hash, and so resampled in evaluation, where rows have no time; days
   * otherwise.
   */
  readonly drawn?: 'row' | 'group';
  readonly entity: string | null;
  /** What `features.sql` may read: all columns but the label. */
  readonly available: readonly Column[];
  /** The columns that `features.sql` does read: what a caller must send. */
  readonly request: readonly Column[];
  readonly features: readonly FeatureColumn[];
  readonly featuresSql: ArtifactRef;
  readonly parts: Readonly<Record<AssembledPartName, AssembledPart>>;
  readonly dropped: DroppedRows;
}
