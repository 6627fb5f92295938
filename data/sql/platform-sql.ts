import { DuckDBInstance, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import type { ColumnType } from '../../domain/dataset/dataset';

export interface DuckDbLimits {
  readonly memoryBytes: number;
  readonly threads: number;
  /**
   * Folder for sorts and joins beyond the memory limit; without it they fail. DuckDB's default is a
   * folder in the working directory.
   */
  readonly spillDirectory?: string;
  /** Interrupts the running statement. */
  readonly signal?: AbortSignal;
}

export interface PlatformSql {
  readonly connection: DuckDBConnection;
  run(sql: string, values?: Record<string, DuckDBValue>): Promise<void>;
  /** Exact integers are numbers, others bigint; timestamps are Date. */
  rows<Row extends object>(sql: string, values?: Record<string, DuckDBValue>): Promise<Row[]>;
  /** The only row. More or none is a bug in Perennial's SQL. */
  one<Row extends object>(sql: string, values?: Record<string, DuckDBValue>): Promise<Row>;
}

/**
 * Runs Perennial's own SQL in this process, in a private in-memory database in UTC that is closed
 * after `work`. Never pass text of a user.
 */
export async function withDuckDb<T>(
  work: (sql: PlatformSql) => Promise<T>,
  limits: DuckDbLimits,
): Promise<T> {
  limits.signal?.throwIfAborted();
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${Math.floor(limits.memoryBytes)}B`,
    threads: String(limits.threads),
    temp_directory: limits.spillDirectory ?? '',
    autoinstall_known_extensions: 'false',
  });
  try {
    const connection = await instance.connect();
    // DuckDB's default is the machine's time zone; equal input must give equal bytes everywhere.
    await connection.run(`SET TimeZone = 'UTC'`);
    const stopInterrupting = interruptOnAbort(connection, limits.signal);
    try {
      return await work(platformSql(connection));
    } catch (error) {
      limits.signal?.throwIfAborted();
      throw error;
    } finally {
      stopInterrupting();
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

/** Repeats the interrupt until the work ends, because one between two statements has no effect. */
function interruptOnAbort(
  connection: DuckDBConnection,
  signal: AbortSignal | undefined,
): () => void {
  let repeated: NodeJS.Timeout | undefined;
  const interrupt = (): void => {
    connection.interrupt();
    repeated ??= setInterval(() => connection.interrupt(), 20);
  };
  if (signal?.aborted === true) interrupt();
  signal?.addEventListener('abort', interrupt, { once: true });
  return () => {
    signal?.removeEventListener('abort', interrupt);
    clearInterval(repeated);
  };
}

function platformSql(connection: DuckDBConnection): PlatformSql {
  async function rows<Row extends object>(
    sql: string,
    values?: Record<string, DuckDBValue>,
  ): Promise<Row[]> {
    const reader = await connection.runAndReadAll(sql, values);
    return reader.getRowObjectsJS().map((row) => {
      for (const [name, value] of Object.entries(row)) {
        if (typeof value === 'bigint' && Number.isSafeInteger(Number(value)))
          row[name] = Number(value);
      }
      return row as Row;
    });
  }
  return {
    connection,
    rows,
    async run(sql, values) {
      await connection.run(sql, values);
    },
    async one<Row extends object>(sql: string, values?: Record<string, DuckDBValue>): Promise<Row> {
      const all = await rows<Row>(sql, values);
      const first = all[0];
      if (first === undefined || all.length > 1)
        throw new Error(`expected one row, got ${all.length}: ${sql}`);
      return first;
    },
  };
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** SQL `read_parquet([…])` over an ordered list of files; row order is file order. */
export function readParquet(paths: readonly string[]): string {
  return `read_parquet([${paths.map(quoteText).join(', ')}])`;
}

/** DuckDB's type for each logical type. */
export const duckDbTypes = {
  string: 'VARCHAR',
  integer: 'BIGINT',
  number: 'DOUBLE',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
} as const satisfies Record<ColumnType, string>;

/**
 * Logical type of a DuckDB type; null when there is none (lists, structs, blobs, intervals, times
 * of day).
 */
export function logicalType(duckDbType: string): ColumnType | null {
  const name = duckDbType.toUpperCase();
  if (name.startsWith('DECIMAL')) return /,\s*0\)$/.test(name) ? 'integer' : 'number';
  if (name.startsWith('ENUM')) return 'string';
  if (name.endsWith('[]') || /\[\d+\]$/.test(name)) return null;
  return logicalTypes[name] ?? null;
}

const logicalTypes: Readonly<Record<string, ColumnType>> = {
  VARCHAR: 'string',
  UUID: 'string',
  TINYINT: 'integer',
  SMALLINT: 'integer',
  INTEGER: 'integer',
  BIGINT: 'integer',
  UTINYINT: 'integer',
  USMALLINT: 'integer',
  UINTEGER: 'integer',
  UBIGINT: 'integer',
  HUGEINT: 'integer',
  FLOAT: 'number',
  DOUBLE: 'number',
  BOOLEAN: 'boolean',
  DATE: 'timestamp',
  TIMESTAMP: 'timestamp',
  TIMESTAMP_S: 'timestamp',
  TIMESTAMP_MS: 'timestamp',
  TIMESTAMP_NS: 'timestamp',
  'TIMESTAMP WITH TIME ZONE': 'timestamp',
};
