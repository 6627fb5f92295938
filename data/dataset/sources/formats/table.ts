import type { ColumnType } from '../../../../domain/dataset/dataset';
import type { PerennialError } from '../../../../domain/failure';
import type { SourceSpec } from '../../../../domain/lifecycle/lifecycle';
import type { PlatformSql } from '../../../sql/platform-sql';

/** Fetched files of one source, all in its format. */
export interface SourceFiles {
  readonly source: SourceSpec;
  readonly paths: readonly string[];
}

export interface Table {
  /** SQL that may follow FROM. */
  readonly relation: string;
  readonly columns: readonly TableColumn[];
  /** Columns that could not be typed, in words, without values. */
  readonly notes: readonly string[];
}

export interface TableColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** SQL over `relation` that gives the DuckDB type of the logical type. */
  readonly expression: string;
  /**
   * The stored TIMESTAMPTZ column behind `expression`. Comparing it lets DuckDB skip row groups.
   */
  readonly zoned?: string;
}

export interface FormatReader {
  /** Finds the columns and their types. */
  open(sql: PlatformSql, files: SourceFiles): Promise<Table>;
  /** Explains an error of DuckDB about the content, without quoting the content (I11). */
  explain(error: Error, files: SourceFiles): PerennialError | Promise<PerennialError>;
}
