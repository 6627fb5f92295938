import type { ArtifactRef, Digest } from '../artifact';
import type { Column, ColumnType, TimeWindow } from '../dataset/dataset';
import type { FeatureColumn, Task } from '../model/model';
import type { AssembledPartName } from '../dataset/split';

/**
 * Columns that assembly adds to both Parquet files of a part. User columns cannot use the names.
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
 * Only for a split by a hash: VARCHAR, the hash of the row in hexadecimal. Rows of one group share
 * it, and so do equal rows.
 */
export const groupColumn = '__group';

export interface AssembledPart {
  readonly rows: number;
  /** The half-open window of the part. Null when the rows have no time. */
  readonly window: TimeWindow | null;
  /** Parquet: the request columns as a caller sends them, then the reserved columns, by `__row`. */
  readonly requestRows: ArtifactRef;
  /**
   * Parquet: the feature columns (DOUBLE or VARCHAR, no nulls), then the reserved columns. The same
   * rows in the same order as `requestRows`.
   */
  readonly features: ArtifactRef;
}

/** The numbers of assembled rows that are in no part, by reason. */
export interface DroppedRows {
  readonly outsideWindow: number;
  readonly withoutTime: number;
  readonly withoutLabel: number;
  /** The label was not known at the window's end. */
  readonly unripe: number;
  /** The group is null; only for a split by group. */
  readonly withoutGroup?: number;
}

/**
 * The output of assembly, stored as canonical JSON. `__row` BIGINT (unique over all parts, in order
 * of time), `__label` DOUBLE (0 or 1 in classification, the class number in multiclass), `__time`
 * TIMESTAMP UTC, `__entity` VARCHAR (null without an entity), `__day` VARCHAR `YYYY-MM-DD` UTC.
 */
export interface TrainingSet {
  /** All columns of `assemble.sql`, including the label. */
  readonly columns: readonly Column[];
  readonly label: string;
  readonly labelType: ColumnType;
  readonly task: Task;
  /** Only multiclass: the classes of the training rows, which `__label` numbers from 0. */
  readonly classes?: readonly string[];
  /** Null when rows have no time; `__time` and `__day` are then null. */
  readonly time: string | null;
  /** The unit of a split by a hash, which evaluation resamples; absent when it resamples days. */
  readonly drawn?: 'row' | 'group';
  /**
   * Only for a split by a hash: a digest of all labels, whatever their rows' parts. It is the same
   * for every column, group or share by which the same rows are split.
   */
  readonly labels?: Digest;
  readonly entity: string | null;
  /** The columns that `features.sql` may read: all but the label. */
  readonly available: readonly Column[];
  /** The columns that `features.sql` reads and that a request must have. */
  readonly request: readonly Column[];
  readonly features: readonly FeatureColumn[];
  readonly featuresSql: ArtifactRef;
  readonly parts: Readonly<Record<AssembledPartName, AssembledPart>>;
  readonly dropped: DroppedRows;
}
