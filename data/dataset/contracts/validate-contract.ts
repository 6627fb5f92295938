import type { ContractCheck, ContractReport, DataContract } from '../../../domain/dataset/contract';
import type { Column } from '../../../domain/dataset/dataset';
import type { Verdict } from '../../../domain/verdict';
import { quoteName, quoteText, readParquet, type PlatformSql } from '../../sql/platform-sql';
import {
  badRowsTable,
  countReasons,
  markBadRows,
  markDuplicates,
  rowNumberColumn,
  inputTable,
  reasonsColumn,
  rowCheck,
  unmeasuredKeyChecks,
  usableChecks,
} from './bad-rows';
import { contractVerdict } from './contract-verdict';
import { acceptedView, distributionChecks, type ReferenceVersion } from './distribution';
import { columnReader, rowChecks, type ReadColumn } from './row-checks';
import { nullShares, quarantineShare, rowCount, schemaChecks } from './whole-checks';

export interface Validation {
  readonly source: string;
  /** Dataset name for the report. */
  readonly dataset: string;
  readonly contract: DataContract;
  /** Parquet of the logical types, in order. */
  readonly files: readonly string[];
  readonly columns: readonly Column[];
  /** The approved version, for distribution checks. */
  readonly reference: ReferenceVersion;
  /** Output paths. Files are written only when rows are quarantined or a column is converted. */
  readonly acceptedPath: string;
  readonly quarantinePath: string;
}

export interface ContractValidation {
  readonly report: ContractReport;
  readonly verdict: Verdict;
  /** Columns of the accepted rows. */
  readonly columns: readonly Column[];
  /** The accepted rows are the input files, unchanged. */
  readonly unchanged: boolean;
  /** Check name → number of rows in quarantine because of it. */
  readonly reasons: Readonly<Record<string, number>>;
}

/**
 * Measures a dataset against its contract and splits it; accepted + quarantined = input. A check
 * that cannot be measured is reported as such.
 */
export async function validateContract(
  sql: PlatformSql,
  validation: Validation,
): Promise<ContractValidation> {
  const { contract, files, columns } = validation;
  const read = readColumns(contract, columns);
  await sql.run(
    `CREATE TEMP VIEW ${inputTable} AS SELECT *, row_number() OVER () AS ${rowNumberColumn} FROM ${readParquet(files)}`,
  );
  const { rows } = await sql.one<{ rows: number }>(`SELECT count(*) AS rows FROM ${inputTable}`);
  const { usable, unusable } = await usableChecks(sql, rowChecks(contract, read), columns);
  await markBadRows(sql, usable);
  const duplicates = await markDuplicates(sql, contract, read);
  const badRows = await countReasons(sql);
  const { quarantined } = await sql.one<{ quarantined: number }>(
    `SELECT count(*) AS quarantined FROM ${badRowsTable}`,
  );

  const accepted = columns.map((column) => acceptedColumn(column, read));
  await sql.run(
    `CREATE TEMP VIEW ${acceptedView} AS SELECT ${accepted.map((column) => `${column.value} AS ${quoteName(column.name)}`).join(', ')}
     FROM ${inputTable} ANTI JOIN ${badRowsTable} USING (${rowNumberColumn}) ORDER BY ${rowNumberColumn}`,
  );
  const checks: ContractCheck[] = [
    ...schemaChecks(contract, columns, read),
    ...(await nullShares(sql, contract, read, rows)),
    ...usable.map((check) => rowCheck(check, badRows)),
    ...unusable,
    ...duplicates.map((set) => rowCheck(set, badRows)),
    ...unmeasuredKeyChecks(contract, read),
    rowCount(contract, rows),
    quarantineShare(contract, rows, quarantined),
    ...(await distributionChecks(sql, contract, { reference: validation.reference, accepted })),
  ];
  const report: ContractReport = {
    source: validation.source,
    dataset: validation.dataset,
    rows,
    accepted: rows - quarantined,
    quarantined,
    checks,
  };
  const unchanged = quarantined === 0 && !accepted.some((column) => column.converted);
  if (!unchanged) await writeHalves(sql, validation, quarantined);
  return {
    report,
    verdict: contractVerdict(report),
    columns: accepted.map(({ name, type }) => ({ name, type })),
    unchanged,
    reasons: Object.fromEntries(badRows),
  };
}

/** Columns of the accepted rows: those of the source, in the types of the contract. */
export function acceptedColumns(
  contract: DataContract,
  columns: readonly Column[],
): readonly Column[] {
  const read = readColumns(contract, columns);
  return columns
    .map((column) => acceptedColumn(column, read))
    .map(({ name, type }) => ({ name, type }));
}

/** Expectations of the contract that `columns` do not meet, found without reading rows. */
export function unmetColumns(
  contract: DataContract,
  columns: readonly Column[],
): readonly ContractCheck[] {
  return schemaChecks(contract, columns, readColumns(contract, columns)).filter(
    ({ passed }) => passed !== true,
  );
}

function readColumns(
  contract: DataContract,
  columns: readonly Column[],
): ReadonlyMap<string, ReadColumn> {
  const read = new Map<string, ReadColumn>();
  for (const expectation of contract.columns) {
    const column = columns.find((candidate) => candidate.name === expectation.name);
    const reading = column === undefined ? null : columnReader(expectation, column);
    if (reading !== null) read.set(expectation.name, reading);
  }
  return read;
}

interface AcceptedColumn extends Column {
  readonly value: string;
  readonly converted: boolean;
}

function acceptedColumn(column: Column, read: ReadonlyMap<string, ReadColumn>): AcceptedColumn {
  const reading = read.get(column.name);
  if (reading?.converted !== true)
    return { ...column, value: quoteName(column.name), converted: false };
  return {
    name: column.name,
    type: reading.expectation.type,
    value: reading.value,
    converted: true,
  };
}

async function writeHalves(
  sql: PlatformSql,
  { acceptedPath, quarantinePath, columns }: Validation,
  quarantined: number,
): Promise<void> {
  const parquet = '(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)';
  // More threads would cut the same rows into other row groups each time.
  await sql.run('SET threads = 1');
  await sql.run(`COPY (SELECT * FROM ${acceptedView}) TO ${quoteText(acceptedPath)} ${parquet}`);
  if (quarantined === 0) return;
  // Rows that were in quarantine before do not keep their old reasons.
  const original = columns
    .filter((column) => column.name !== reasonsColumn)
    .map((column) => `i.${quoteName(column.name)}`);
  await sql.run(
    `COPY (SELECT ${[...original, `array_to_string(b.${reasonsColumn}, '; ') AS ${reasonsColumn}`].join(', ')} FROM ${inputTable} i JOIN ${badRowsTable} b USING (${rowNumberColumn}) ORDER BY ${rowNumberColumn})
     TO ${quoteText(quarantinePath)} ${parquet}`,
  );
}
