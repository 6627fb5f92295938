import { failure } from '../../../domain/failure';
import {
  logicalType,
  quoteName,
  readParquet,
  withDuckDb,
  type PlatformSql,
} from '../../sql/platform-sql';
import { reasonsColumn } from './bad-rows';

/**
 * A value as JSON: times are RFC 3339, infinities and integers beyond 2^53 are text, and null is a
 * missing value.
 */
export type QuarantinedValue = string | number | boolean | null;

export interface QuarantinedRow {
  /** The failed checks, `range:temp; unique:flight`. */
  readonly reasons: string;
  readonly values: Readonly<Record<string, QuarantinedValue>>;
}

const limits = { memoryBytes: 256 << 20, threads: 1 } as const;

/**
 * The first rows of a quarantine's Parquet file, in the order of the source.
 * @throws DataUnreadable without the cause, which may quote a row (I11)
 */
export async function readQuarantined(
  path: string,
  count: number,
): Promise<readonly QuarantinedRow[]> {
  try {
    return await withDuckDb((sql) => firstRows(sql, path, count), limits);
  } catch {
    throw failure(
      'DataUnreadable',
      'the file of the quarantined rows is damaged; validate the dataset again',
    );
  }
}

async function firstRows(
  sql: PlatformSql,
  path: string,
  count: number,
): Promise<readonly QuarantinedRow[]> {
  const file = readParquet([path]);
  const columns = await sql.rows<{ column_name: string; column_type: string }>(
    `DESCRIBE SELECT * FROM ${file}`,
  );
  const values = columns.map(({ column_name: name, column_type: type }) => {
    const column = quoteName(name);
    const shown =
      logicalType(type) === 'timestamp'
        ? `strftime(${column}::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%fZ')`
        : column;
    return `${shown} AS ${column}`;
  });
  const rows = await sql.rows<Record<string, unknown>>(
    `SELECT ${values.join(', ')} FROM ${file} LIMIT ${Math.floor(count)}`,
  );
  return rows.map(({ [reasonsColumn]: reasons, ...row }) => ({
    reasons: String(reasons),
    values: Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, jsonValue(value)]),
    ),
  }));
}

function jsonValue(value: unknown): QuarantinedValue {
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  return typeof value === 'bigint' ? String(value) : null;
}
