import type { CustomTypesConfig } from 'pg';

/**
 * By type id: times become RFC 3339 UTC text, numbers become numbers, documents are parsed. All
 * other types, such as dates, stay text.
 */
const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  16: (text) => text === 't',
  20: exactInteger,
  21: Number,
  23: Number,
  26: Number,
  114: (text) => JSON.parse(text) as unknown,
  700: Number,
  701: Number,
  1184: (text) => new Date(text).toISOString(),
  3802: (text) => JSON.parse(text) as unknown,
};

export const typeParsers: CustomTypesConfig = {
  getTypeParser: (oid: number) =>
    (parsers[oid] ?? ((text: string) => text)) as (value: string | Buffer) => unknown,
};

/** Counters stay far below 2^53. A larger value is a bug and must not be rounded. */
function exactInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new RangeError(`${text} from the database exceeds the exact integers of a number (2^53)`);
  return value;
}
