import type { ColumnType } from '../../../../domain/dataset/dataset';
import { quoteName, type PlatformSql } from '../../../sql/platform-sql';
import type { TableColumn } from './table';

export interface TextColumn {
  readonly name: string;
  /** Type that the first rows suggest. */
  readonly guess: ColumnType;
}

/** Candidate types by guess; the first that fits every value is used, otherwise text. */
const widening: Readonly<Record<ColumnType, readonly ColumnType[]>> = {
  boolean: ['boolean'],
  integer: ['integer', 'number'],
  number: ['number'],
  timestamp: ['timestamp'],
  string: [],
};

const words: Readonly<Record<ColumnType, string>> = {
  boolean: 'true or false',
  integer: 'whole numbers',
  number: 'numbers',
  timestamp: 'times (year first, such as 2013-07-01T05:00:00Z)',
  string: 'text',
};

/**
 * Types text columns by all rows, because the first rows can be misleading. A column that does not
 * fit its guess stays text, and a note names the first row that does not fit.
 */
export async function typeText(
  sql: PlatformSql,
  relation: string,
  columns: readonly TextColumn[],
): Promise<{ readonly columns: readonly TableColumn[]; readonly notes: readonly string[] }> {
  const checks = columns.flatMap(({ name, guess }) =>
    widening[guess].map((type) => ({ name, type })),
  );
  const misfits = checks.map(
    ({ name, type }, i) =>
      `min(row) FILTER (WHERE NOT (${fits(quoteName(name), type)})) AS "c${i}"`,
  );
  const first: Record<string, unknown> =
    misfits.length === 0
      ? {}
      : await sql.one(
          `SELECT ${misfits.join(', ')} FROM (SELECT row_number() OVER () AS row, * FROM ${relation})`,
        );
  const notes: string[] = [];
  const typed = columns.map(({ name, guess }): TableColumn => {
    const fitting = checks.find((check, i) => check.name === name && first[`c${i}`] === null);
    if (fitting)
      return { name, type: fitting.type, expression: typedAs(quoteName(name), fitting.type) };
    if (guess !== 'string') {
      const row = Number(first[`c${checks.findIndex((check) => check.name === name)}`]);
      notes.push(
        `column ${name} is kept as text: it begins with ${words[guess]}, but row ${row} does not fit`,
      );
    }
    return { name, type: 'string', expression: quoteName(name) };
  });
  return { columns: typed, notes };
}

/** DuckDB's casts are lenient: they round `1.5` to 2 and accept a date with a time as a date. */
function fits(column: string, type: ColumnType): string {
  const casts = `TRY_CAST(${column} AS ${castTypes[type]}) IS NOT NULL`;
  const spelled: Partial<Record<ColumnType, string>> = {
    integer: `regexp_full_match(${column}, '\\s*[+-]?[0-9]+\\s*')`,
    timestamp: `regexp_matches(${column}, '^\\s*[0-9]{4}[-/]')`,
  };
  return `${column} IS NULL OR (${spelled[type] ?? 'true'} AND ${casts})`;
}

const castTypes = {
  boolean: 'BOOLEAN',
  integer: 'BIGINT',
  number: 'DOUBLE',
  timestamp: 'TIMESTAMPTZ',
  string: 'VARCHAR',
} as const satisfies Record<ColumnType, string>;

/** A time without an offset is in UTC, the zone of the session. */
function typedAs(column: string, type: ColumnType): string {
  const cast = `CAST(${column} AS ${castTypes[type]})`;
  return type === 'timestamp' ? `(${cast} AT TIME ZONE 'UTC')` : cast;
}
