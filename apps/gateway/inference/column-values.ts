import type { ColumnType } from '../../../domain/dataset/dataset';
import { missingText } from '../../../domain/model/model';

/** A validated value of a request column; null is missing. Timestamps are RFC 3339 in UTC. */
export type RequestValue = string | number | boolean | null;

/** Undefined for a value that does not have the type. */
export type Decoder = (value: unknown) => RequestValue | undefined;

const integers = [
  'INT64',
  'INT32',
  'INT16',
  'INT8',
  'UINT64',
  'UINT32',
  'UINT16',
  'UINT8',
] as const;
const floats = ['FP64', 'FP32'] as const;

/**
 * The accepted datatypes; metadata names the first one. Clients send whole numbers as integers or
 * floats, so the value decides, not its datatype.
 */
export const datatypesOf = {
  string: ['BYTES'],
  integer: [...integers, ...floats],
  number: [...floats, ...integers],
  boolean: ['BOOL'],
  timestamp: ['BYTES'],
} as const satisfies Record<ColumnType, readonly string[]>;

/** Datatype names for error messages. */
export const expectedDatatype = {
  string: 'BYTES',
  integer: 'INT64 or another numeric datatype',
  number: 'FP64 or another numeric datatype',
  boolean: 'BOOL',
  timestamp: 'BYTES',
} as const satisfies Record<ColumnType, string>;

export const decoders: Readonly<Record<ColumnType, Decoder>> = {
  string: (value) => {
    if (typeof value === 'string')
      return isStorable(value) ? (value === missingText ? null : value) : undefined;
    return value === null ? null : undefined;
  },
  integer: (value) => {
    if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined;
    return isMissingNumber(value) ? null : undefined;
  },
  number: (value) => {
    // JSON has no infinity, but 1e999 parses to one.
    if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
    return isMissingNumber(value) ? null : undefined;
  },
  boolean: (value) => {
    return typeof value === 'boolean' || value === null ? value : undefined;
  },
  timestamp: (value) => {
    if (value === null) return null;
    return typeof value === 'string' ? utc(value) : undefined;
  },
};

function isMissingNumber(value: unknown): boolean {
  return value === null || value === 'NaN';
}

/**
 * PostgreSQL and DuckDB cannot store U+0000 or a lone surrogate. With the u flag, a surrogate
 * matches only without its other half.
 */
function isStorable(text: string): boolean {
  return !/[\0\p{Surrogate}]/u.test(text);
}

const rfc3339 =
  /^(\d{4}-\d{2}-(\d{2}))[Tt ](\d{2}:\d{2}:\d{2})(\.\d+)?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** UTC text with microseconds, the resolution of DuckDB. */
function utc(text: string): string | undefined {
  const match = rfc3339.exec(text);
  if (match === null) return undefined;
  const [, date = '', day = '', time = '', fraction = '', offset = ''] = match;
  const local = new Date(`${date}T${time}Z`);
  // Date turns 30 February into 2 March, and 24:00 into the next day.
  if (Number.isNaN(local.getTime()) || local.getUTCDate() !== Number(day)) return undefined;
  const whole = offset === 'Z' || offset === 'z' ? local : new Date(`${date}T${time}${offset}`);
  const iso = whole.toISOString();
  // PostgreSQL has no year 0000.
  return iso.length === 24 && !iso.startsWith('0000')
    ? `${iso.slice(0, 19)}${fraction.slice(0, 7)}Z`
    : undefined;
}
