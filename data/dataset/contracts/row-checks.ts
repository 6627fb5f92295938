import type { ColumnExpectation, DataContract } from '../../../domain/dataset/contract';
import type { Column, ColumnType } from '../../../domain/dataset/dataset';
import { duckDbTypes, quoteName, quoteText } from '../../sql/platform-sql';

/** A rule for single rows. */
export interface RowCheck {
  readonly check: string;
  readonly column: string;
  readonly expected: string;
  /** SQL over an input row: true when it is bad, otherwise false or null. */
  readonly isBad: string;
}

export interface ReadColumn {
  readonly expectation: ColumnExpectation;
  /** SQL for the value in its expected type; null when it is missing or cannot be converted. */
  readonly value: string;
  /** Whether accepted rows hold `value` instead of the original. */
  readonly converted: boolean;
}

/** How to read `column` as the contract expects; null when no value can be converted. */
export function columnReader(expectation: ColumnExpectation, column: Column): ReadColumn | null {
  const name = quoteName(column.name);
  const { type } = expectation;
  if (column.type === type || (column.type === 'integer' && type === 'number')) {
    // NaN counts as a missing number in every format.
    return {
      expectation,
      value: column.type === 'number' ? `nullif(${name}, 'NaN'::DOUBLE)` : name,
      converted: false,
    };
  }
  // One bad cell makes a number column text, and one missing cell makes integers doubles.
  if (column.type === 'string')
    return { expectation, value: fromText(type, name), converted: true };
  if (column.type === 'number' && type === 'integer') {
    return {
      expectation,
      value: `CASE WHEN ${name} = trunc(${name}) THEN TRY_CAST(${name} AS BIGINT) END`,
      converted: true,
    };
  }
  return null;
}

function fromText(type: ColumnType, name: string): string {
  if (type === 'timestamp') return `TRY_CAST(${name} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'`;
  if (type === 'integer')
    return `CASE WHEN regexp_full_match(trim(${name}), '[+-]?[0-9]+') THEN TRY_CAST(${name} AS BIGINT) END`;
  return `TRY_CAST(${name} AS ${duckDbTypes[type]})`;
}

export function rowChecks(
  contract: DataContract,
  read: ReadonlyMap<string, ReadColumn>,
): readonly RowCheck[] {
  return contract.columns.flatMap((expectation) => {
    const column = read.get(expectation.name);
    return column === undefined ? [] : listRowChecks(column);
  });
}

function listRowChecks({ expectation, value, converted }: ReadColumn): RowCheck[] {
  const { name, type, min, max, values, pattern } = expectation;
  const raw = quoteName(name);
  const checks: RowCheck[] = [];
  const add = (check: string, expected: string, isBad: string): void =>
    void checks.push({ check, column: name, expected, isBad });
  if (converted) {
    const missing =
      type === 'number' ? `${raw} IS NULL OR lower(trim(${raw})) = 'nan'` : `${raw} IS NULL`;
    add('type', type, `(${value}) IS NULL AND NOT (${missing})`);
  }
  if (expectation.maxNullShare === 0)
    add('nulls', 'no nulls', converted ? `${raw} IS NULL` : `(${value}) IS NULL`);
  if (type === 'number') add('finite', 'no infinities', `isinf((${value})::DOUBLE)`);
  if (min !== null || max !== null) {
    const below = min === null ? 'false' : `(${value}) < ${formatBound(min, type)}`;
    const above = max === null ? 'false' : `(${value}) > ${formatBound(max, type)}`;
    add(
      'range',
      `${min === null ? '' : `≥ ${min}`}${min !== null && max !== null ? ' and ' : ''}${max === null ? '' : `≤ ${max}`}`,
      `${below} OR ${above}`,
    );
  }
  if (values !== null) {
    const shown = values.slice(0, 10).join(', ');
    const list = values.map((each) => formatBound(each, type)).join(', ');
    add(
      'values',
      `one of ${shown}${values.length > 10 ? `, … (${values.length})` : ''}`,
      `(${value}) NOT IN (${list})`,
    );
  }
  if (pattern !== null)
    add(
      'pattern',
      `matches ${pattern}`,
      `NOT regexp_full_match((${value})::VARCHAR, ${quoteText(pattern)})`,
    );
  return checks;
}

function formatBound(value: string | number, type: ColumnType): string {
  const text = quoteText(String(value));
  return type === 'timestamp'
    ? `${text}::TIMESTAMPTZ AT TIME ZONE 'UTC'`
    : `${text}::${duckDbTypes[type]}`;
}
