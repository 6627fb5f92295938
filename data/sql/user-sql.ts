import { rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Column } from '../../domain/dataset/dataset';
import type { SqlText } from './sql-errors';
import { assertInsideFolder, runInSqlProcess, type SqlLimits } from './sql-process';

export interface UserSqlRun extends SqlText {
  /** Parquet files of each table name; all in the folder of `outputPath`. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
  /** Parquet file. Its folder is private to this run and the only one that the query can access. */
  readonly outputPath: string;
  /** Rows are ordered by this column, then all others, so that equal input gives equal bytes. */
  readonly orderBy?: string;
  readonly limits: SqlLimits;
  readonly signal?: AbortSignal;
}

export interface UserSqlResult {
  readonly columns: readonly Column[];
  readonly rows: number;
}

/**
 * Runs one SELECT of a user in a locked-down process. `outputPath` exists only after success.
 * @throws SqlInvalid, SqlForbidden, SqlTimeout, SqlOutOfMemory, each with file and line
 */
export async function runUserSql(run: UserSqlRun): Promise<UserSqlResult> {
  const directory = dirname(resolve(run.outputPath));
  assertInsideFolder(directory, Object.values(run.tables).flat());
  const partial = `${run.outputPath}.partial`;
  const text: SqlText = { sql: run.sql, file: run.file };
  try {
    const { columns, rows } = await runInSqlProcess({
      task: {
        kind: 'query',
        text,
        tables: run.tables,
        outputPath: partial,
        orderBy: run.orderBy ?? null,
      },
      text,
      directory,
      limits: run.limits,
      signal: run.signal,
    });
    await rename(partial, run.outputPath);
    return { columns, rows };
  } finally {
    await rm(partial, { force: true });
  }
}
