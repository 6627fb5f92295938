import type { ArtifactRef } from './artifact';
import type { Column, ColumnType, TimeWindow } from './dataset';
import type { FeatureColumn, Task } from './model';

/** In order of time: the model learns on `train`, is tuned on `tuning`, chosen on `confirm` and judged once on `holdout`. */
export const assembledParts = ['train', 'tuning', 'confirm', 'holdout'] as const;
export type AssembledPartName = (typeof assembledParts)[number];

/** Columns that assembly adds to both Parquet files of a part. No user column may carry these names. */
export const rowColumn = '__row';
export const labelColumn = '__label';
export const timeColumn = '__time';
export const entityColumn = '__entity';
export const dayColumn = '__day';
export const reservedColumns = [rowColumn, labelColumn, timeColumn, entityColumn, dayColumn] as const;
export const reservedColumnTypes: readonly Column[] = [
  { name: rowColumn, type: 'integer' },
  { name: labelColumn, type: 'number' },
  { name: timeColumn, type: 'timestamp' },
  { name: entityColumn, type: 'string' },
  { name: dayColumn, type: 'string' },
];

export interface AssembledPart {
  readonly rows: number;
  /** Half-open, whole part; rows lie inside. */
  readonly window: TimeWindow;
  /** Parquet: the request's columns as a caller would send them, then the reserved columns. Ordered by `__row`. */
  readonly requestRows: ArtifactRef;
  /** Parquet: the feature columns (DOUBLE or VARCHAR, no nulls), then the reserved columns. Ordered by `__row`; row for row the same as `requestRows`. */
  readonly features: ArtifactRef;
}

/** Why assembled rows are in no part. */
export interface DroppedRows {
  readonly outsideWindow: number;
  readonly withoutTime: number;
  readonly withoutLabel: number;
  /** Their label was not yet known at the window's end. */
  readonly unripe: number;
}

/**
 * The output of assembly; stored as canonical JSON and passed by reference.
 * `__row` BIGINT (unique over all parts, in order of time), `__label` DOUBLE (0 or 1 in classification), `__time` TIMESTAMP UTC,
 * `__entity` VARCHAR (null without an entity column), `__day` VARCHAR `YYYY-MM-DD` UTC.
 */
export interface AssembledData {
  /** Everything `assemble.sql` gave back, label included. */
  readonly columns: readonly Column[];
  readonly label: string;
  readonly labelType: ColumnType;
  readonly task: Task;
  readonly time: string;
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
