import type { ContractCheck, DataContract } from '../../../domain/dataset/contract';
import type { Column } from '../../../domain/dataset/dataset';
import { duckDbTypes, quoteName, quoteText, type PlatformSql } from '../../sql/platform-sql';
import { checkName } from './contract-verdict';
import type { ReadColumn, RowCheck } from './row-checks';

/** Tables and columns of the validation: the numbered input, and its bad rows with reasons. */
export const inputTable = '__contract_input';
export const badRowsTable = '__contract_bad';
export const rowNumberColumn = '__contract_row';
/** Column that quarantine adds: names of the failed checks, `range:temp; unique:flight`. */
export const reasonsColumn = '__reasons';

/**
 * Separates rules that DuckDB cannot evaluate, such as an invalid pattern or a bound of another
 * type. They give no measurement and do not stop the other rules.
 */
export async function usableChecks(
  sql: PlatformSql,
  checks: readonly RowCheck[],
  columns: readonly Column[],
): Promise<{ usable: RowCheck[]; unusable: ContractCheck[] }> {
  const usable: RowCheck[] = [];
  const unusable: ContractCheck[] = [];
  // Binding against one row of nulls makes DuckDB parse every constant of the rule.
  const nulls = columns
    .map(({ name, type }) => `NULL::${duckDbTypes[type]} AS ${quoteName(name)}`)
    .join(', ');
  for (const check of checks) {
    const reason = await sql.run(`SELECT ${check.isBad} FROM (SELECT ${nulls})`).then(
      () => null,
      (error: unknown) => (error as Error).message.split('\n')[0] ?? '',
    );
    if (reason === null) usable.push(check);
    else {
      const observed = `could not be measured: ${reason}`;
      unusable.push({
        check: check.check,
        column: check.column,
        passed: null,
        observed,
        expected: check.expected,
        badRows: 0,
      });
    }
  }
  return { usable, unusable };
}

export async function markBadRows(sql: PlatformSql, checks: readonly RowCheck[]): Promise<void> {
  const cases = checks.map(
    (check) => `CASE WHEN ${check.isBad} THEN ${quoteText(checkName(check))} END`,
  );
  const reasons = `list_filter([${cases.join(', ')}]::VARCHAR[], lambda name : name IS NOT NULL)`;
  await sql.run(
    `CREATE TEMP TABLE ${badRowsTable} AS
     SELECT * FROM (SELECT ${rowNumberColumn}, ${reasons} AS ${reasonsColumn} FROM ${inputTable}) WHERE len(${reasonsColumn}) > 0`,
  );
}

export interface UniqueKeyCheck {
  readonly check: 'unique';
  readonly column: string;
  readonly expected: string;
}

/**
 * Marks repeated keys among the good rows, so that one good row of each key stays. A row without
 * its complete key is not a duplicate.
 */
export async function markDuplicates(
  sql: PlatformSql,
  contract: DataContract,
  read: ReadonlyMap<string, ReadColumn>,
): Promise<readonly UniqueKeyCheck[]> {
  const sets: UniqueKeyCheck[] = [];
  const repeated: string[] = [];
  for (const names of contract.unique) {
    const set = keySet(names);
    const keys = names.flatMap((name) => read.get(name)?.value ?? []);
    if (keys.length < names.length) continue;
    sets.push(set);
    repeated.push(
      `SELECT ${rowNumberColumn}, ${quoteText(checkName(set))} AS name FROM ${inputTable} ANTI JOIN ${badRowsTable} USING (${rowNumberColumn})
       WHERE ${keys.map((key) => `(${key}) IS NOT NULL`).join(' AND ')}
       QUALIFY row_number() OVER (PARTITION BY ${keys.join(', ')} ORDER BY ${rowNumberColumn}) > 1`,
    );
  }
  if (repeated.length > 0) {
    await sql.run(
      `INSERT INTO ${badRowsTable} SELECT ${rowNumberColumn}, list(name ORDER BY name) FROM (${repeated.join(' UNION ALL ')}) GROUP BY ${rowNumberColumn}`,
    );
  }
  return sets;
}

function keySet(names: readonly string[]): UniqueKeyCheck {
  return { check: 'unique', column: names.join(', '), expected: 'one row per key' };
}

export function unmeasuredKeyChecks(
  contract: DataContract,
  read: ReadonlyMap<string, ReadColumn>,
): ContractCheck[] {
  return contract.unique.flatMap((names) => {
    const absent = names.filter((name) => !read.has(name));
    if (absent.length === 0) return [];
    const observed = `could not be measured: ${absent.join(', ')} missing in the contract or the data`;
    return [{ ...keySet(names), passed: null, observed, badRows: 0 }];
  });
}

export async function countReasons(sql: PlatformSql): Promise<ReadonlyMap<string, number>> {
  const counts = await sql.rows<{ name: string; n: number }>(
    `SELECT name, count(*) AS n FROM (SELECT unnest(${reasonsColumn}) AS name FROM ${badRowsTable}) GROUP BY 1 ORDER BY 2 DESC, 1`,
  );
  return new Map(counts.map(({ name, n }) => [name, n]));
}

export function rowCheck(
  check: { readonly check: string; readonly column: string; readonly expected: string },
  counts: ReadonlyMap<string, number>,
): ContractCheck {
  const badRows = counts.get(checkName(check)) ?? 0;
  const { column, expected } = check;
  return {
    check: check.check,
    column,
    passed: badRows === 0,
    observed: badRows === 1 ? '1 bad row' : `${badRows} bad rows`,
    expected,
    badRows,
  };
}
