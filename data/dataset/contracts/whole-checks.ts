import { percent } from '../../../domain/format';
import type { ContractCheck, DataContract } from '../../../domain/dataset/contract';
import type { Column } from '../../../domain/dataset/dataset';
import { nearest } from '../../../domain/document/nearest';
import type { PlatformSql } from '../../sql/platform-sql';
import { inputTable } from './bad-rows';
import type { ReadColumn } from './row-checks';

export function schemaChecks(
  contract: DataContract,
  columns: readonly Column[],
  read: ReadonlyMap<string, ReadColumn>,
): ContractCheck[] {
  const names = columns.map((column) => column.name);
  const checks = contract.columns.map(({ name, type, required }): ContractCheck => {
    const column = columns.find((candidate) => candidate.name === name);
    const expected = `a column ${name} of type ${type}`;
    const passed = column === undefined ? !required : read.has(name);
    const near =
      column === undefined && required
        ? nearest(
            name,
            names.filter((other) => !contract.columns.some((each) => each.name === other)),
          )
        : null;
    const observed =
      column === undefined
        ? `no such column${near === null ? '' : `; there is ${near}`}`
        : column.type;
    return { check: 'schema', column: name, passed, observed, expected, badRows: 0 };
  });
  if (contract.otherColumns === 'allow') return checks;
  const others = names.filter((name) => !contract.columns.some((each) => each.name === name));
  const observed = others.length === 0 ? 'none' : others.join(', ');
  return [
    ...checks,
    {
      check: 'otherColumns',
      column: null,
      passed: others.length === 0,
      observed,
      expected: 'no other columns',
      badRows: 0,
    },
  ];
}

export async function nullShares(
  sql: PlatformSql,
  contract: DataContract,
  read: ReadonlyMap<string, ReadColumn>,
  rows: number,
): Promise<ContractCheck[]> {
  const limited = contract.columns.flatMap((expectation) => {
    const reading = read.get(expectation.name);
    return reading === undefined || expectation.maxNullShare === 0 || expectation.maxNullShare === 1
      ? []
      : [reading];
  });
  if (limited.length === 0) return [];
  const counts = await sql.one<Record<string, number>>(
    `SELECT ${limited.map(({ value }, i) => `count(*) FILTER (WHERE (${value}) IS NULL) AS "n${i}"`).join(', ')} FROM ${inputTable}`,
  );
  return limited.map(({ expectation: { name, maxNullShare } }, i): ContractCheck => {
    const share = rows === 0 ? 0 : (counts[`n${i}`] ?? 0) / rows;
    return {
      check: 'nullShare',
      column: name,
      passed: share <= maxNullShare,
      observed: `${percent(share)} are null`,
      expected: `at most ${percent(maxNullShare)}`,
      badRows: 0,
    };
  });
}

export function rowCount({ rows: { min, max } }: DataContract, rows: number): ContractCheck {
  const expected =
    max === null ? `at least ${Math.max(min, 1)} rows` : `${Math.max(min, 1)} to ${max} rows`;
  const passed = rows >= Math.max(min, 1) && (max === null || rows <= max);
  return {
    check: 'rows',
    column: null,
    passed,
    observed: rows === 1 ? '1 row' : `${rows} rows`,
    expected,
    badRows: 0,
  };
}

export function quarantineShare(
  { maxQuarantinedShare }: DataContract,
  rows: number,
  quarantined: number,
): ContractCheck {
  const share = rows === 0 ? 0 : quarantined / rows;
  const noneLeft = rows > 0 && quarantined === rows;
  return {
    check: 'quarantine',
    column: null,
    // Without accepted rows there is nothing to train on, so the check fails under every limit.
    passed: share <= maxQuarantinedShare && !noneLeft,
    observed: noneLeft
      ? `no row is valid: all ${rows} are bad`
      : `${quarantined} of ${rows} rows (${percent(share)}) are bad`,
    expected: `at most ${percent(maxQuarantinedShare)} bad rows`,
    badRows: 0,
  };
}
