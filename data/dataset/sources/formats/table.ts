import type { ColumnType } from '../../../../domain/dataset/dataset';
import type { PerennialError } from '../../../../domain/failure';
import type { SourceSpec } from '../../../../domain/lifecycle/lifecycle';
import type { PlatformSql } from '../../../sql/platform-sql';

/** Fetched files of one source, all of its format. */
export interface SourceFiles {
  readonly source: SourceSpec;
  readonly paths: readonly string[];
}

export interface Table {
  /** SQL that may stand after FROM. */
  readonly relation: string;
  readonly columns: readonly TableColumn[];
  /** What could not be typed, in words, without a value. */
  readonly notes: readonly string[];
}

export interface TableColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** Over `relation`, of the logical type's DuckDB type. */
  readonly expression: string;
  /**
   * Set where the stored column is a TIMESTAMPTZ of this expression: comparing that lets DuckDB
   * skip row groups.
   */
  readonly zoned?: string;
}

export interface FormatReader {
  /** Finds the columns and their types. */
  open(sql: PlatformSql, files: SourceFiles): Promise<Table>;
  /** What an error of DuckDB's says about the content; it never quotes the content (I11). */
  explain(error: Error, files: SourceFiles): PerennialError | Promise<PerennialError>;
}
