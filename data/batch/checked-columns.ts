/** SQL that reads the columns of a model from a dataset, as the gateway reads them from a request. */
import type { BatchColumn } from '../../domain/batch/columns';
import { quoteName, quoteText } from '../sql/platform-sql';

export interface CheckedColumn {
  readonly name: string;
  /** The value in the DuckDB type of the column; null is missing. */
  readonly value: string;
  /** True for a value that the gateway would refuse; never null. */
  readonly isBad: string;
  /** Names the column and no value. */
  readonly reason: string;
}

/** A request cannot name a whole number beyond this without rounding. */
const maxExact = '9007199254740991';
/** RFC 3339 with a zone; DuckDB's regular expressions are RE2. */
const rfc3339 =
  '^\\d{4}-\\d{2}-\\d{2}[Tt ]\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?([Zz]|[+-]([01]\\d|2[0-3]):[0-5]\\d)$';

export function checkedColumn({ name, type, from }: BatchColumn): CheckedColumn {
  const column = quoteName(name);
  const at = `\`${name}\``;
  const checkColumn = (value: string, bad: string, reason: string): CheckedColumn => ({
    name,
    value,
    isBad: `coalesce(${bad}, false)`,
    reason: `${at} ${reason}`,
  });
  switch (type) {
    case 'string':
      return checkColumn(column, `contains(${column}, chr(0))`, 'contains the character U+0000');
    case 'number':
      return checkColumn(
        `CAST(${column} AS DOUBLE)`,
        `isinf(CAST(${column} AS DOUBLE))`,
        'is infinite',
      );
    case 'boolean':
      return checkColumn(column, 'false', 'is not true or false');
    case 'integer': {
      if (from === 'integer')
        return checkColumn(
          `TRY_CAST(${column} AS BIGINT)`,
          `${column} IS NOT NULL AND TRY_CAST(${column} AS BIGINT) IS NULL`,
          'is beyond 64 bits',
        );
      const value = `CAST(${column} AS DOUBLE)`;
      return checkColumn(
        `CASE WHEN isnan(${value}) THEN NULL ELSE TRY_CAST(${value} AS BIGINT) END`,
        `NOT isnan(${value}) AND (isinf(${value}) OR ${value} <> trunc(${value}) OR abs(${value}) > ${maxExact})`,
        'is not a whole number',
      );
    }
    case 'timestamp': {
      if (from === 'timestamp')
        return checkColumn(
          `CAST(${column} AS TIMESTAMP)`,
          `isinf(CAST(${column} AS TIMESTAMP))`,
          'is infinite',
        );
      const value = `TRY_CAST(${column} AS TIMESTAMPTZ)`;
      return checkColumn(
        `CAST(${value} AT TIME ZONE 'UTC' AS TIMESTAMP)`,
        `${column} IS NOT NULL AND (NOT regexp_matches(${column}, ${quoteText(rfc3339)}) OR ${value} IS NULL)`,
        'is not an RFC 3339 time',
      );
    }
  }
}
