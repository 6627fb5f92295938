import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  VARCHAR,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { Column, ColumnType } from '../../domain/dataset/dataset';
import { failure } from '../../domain/failure';
import { missingText } from '../../domain/model/model';

/** DuckDB parameter of each logical type; timestamps are microseconds since 1970, UTC. */
export const parameterTypes = {
  string: { duckDb: VARCHAR, read: (name: string): string => name },
  integer: { duckDb: BIGINT, read: (name: string): string => name },
  number: { duckDb: DOUBLE, read: (name: string): string => name },
  boolean: { duckDb: BOOLEAN, read: (name: string): string => name },
  timestamp: { duckDb: BIGINT, read: (name: string): string => `make_timestamp(${name})` },
} as const satisfies Record<
  ColumnType,
  { readonly duckDb: DuckDBType; readonly read: (name: string) => string }
>;

/**
 * One checked column of a batch. Null is a missing value, and the marks for missing values become
 * null, as `featureQuery` does in SQL.
 * @throws InvalidInput with row and field for an absent field or a value of another type
 */
export function columnValues(
  column: Column,
  rows: readonly Readonly<Record<string, unknown>>[],
): DuckDBValue[] {
  const convert = converters[column.type];
  return rows.map((row, index) => {
    const value = row[column.name];
    if (value === null) return null;
    const converted = convert(value);
    if (converted !== undefined) return converted;
    const got = value === undefined ? 'is missing' : `is ${describeValue(value)}`;
    throw failure(
      'InvalidInput',
      `row ${index}: '${column.name}' ${got}; expected ${expected[column.type]}`,
      {
        issues: [
          {
            pointer: `/${index}/${column.name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
            detail: got,
            expected: expected[column.type],
          },
        ],
      },
    );
  });
}

const expected: Record<ColumnType, string> = {
  string: 'text',
  integer: 'a whole number of 64 bits',
  number: 'a number',
  boolean: 'true or false',
  timestamp: 'an RFC 3339 time such as 2013-07-01T05:00:00Z',
};

const converters: Record<ColumnType, (value: unknown) => DuckDBValue | undefined> = {
  string: (value) => {
    if (typeof value !== 'string') return undefined;
    return value === missingText ? null : value;
  },
  integer: (value) => {
    if (typeof value === 'bigint') return value === BigInt.asIntN(64, value) ? value : undefined;
    return Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
  },
  number: (value) => {
    if (typeof value === 'number') return Number.isNaN(value) ? null : value;
    return typeof value === 'bigint' ? Number(value) : undefined;
  },
  boolean: (value) => (typeof value === 'boolean' ? value : undefined),
  timestamp: (value) => (typeof value === 'string' ? microseconds(value) : undefined),
};

const rfc3339 = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})$/;

/** Digits beyond microseconds are cut off, as in Parquet. */
function microseconds(text: string): bigint | undefined {
  const match = rfc3339.exec(text);
  if (match === null) return undefined;
  const [, date = '', time = '', fraction = '', zone = ''] = match;
  const seconds = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  // Date.parse reads 31 February as 3 March.
  if (Number.isNaN(seconds) || !new Date(`${date}T00:00:00Z`).toISOString().startsWith(date))
    return undefined;
  return BigInt(seconds) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'));
}

/** Names the type, not the value, because errors must not quote rows (I11). */
function describeValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number')
    return Number.isInteger(value) ? 'a whole number out of range' : 'a number with a fraction';
  return (
    {
      string: 'text',
      boolean: 'a boolean',
      object: 'an object',
      bigint: 'a whole number out of range',
    }[typeof value as string] ?? typeof value
  );
}
