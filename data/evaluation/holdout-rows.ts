import { createHash } from 'node:crypto';
import type { Digest } from '../../domain/artifact';
import { groupColumn, labelColumn, rowColumn, timeColumn } from '../../domain/training/assembled';
import { failure } from '../../domain/failure';
import type { SliceColumn } from '../../domain/evaluation/measure/plan';
import { missingText, type Task } from '../../domain/model/model';
import { quoteName, readParquet, type PlatformSql } from '../sql/platform-sql';
import { streamChunks } from './parquet-chunks';

export interface HoldoutRows {
  /** `__row` of each row, ascending. Everything else of the holdout is in this order. */
  readonly row: BigInt64Array;
  readonly labels: Float64Array;
  /** Milliseconds since 1970; NaN when rows have no time. */
  readonly times: Float64Array;
}

/**
 * @throws DataUnreadable when the file does not hold the assembled rows, because other rows would
 *   give another evaluation
 */
export async function readHoldoutRows(
  sql: PlatformSql,
  file: string,
  {
    rows,
    task,
    classes = [],
  }: {
    readonly rows: number;
    readonly task: Task;
    readonly classes?: readonly string[] | undefined;
  },
): Promise<HoldoutRows> {
  await checkRows(sql, file, rows);
  const [row, labels, times] = [
    new BigInt64Array(rows),
    new Float64Array(rows),
    new Float64Array(rows),
  ];
  const query = `SELECT ${rowColumn}, ${labelColumn}, epoch_ms(${timeColumn}) FROM ${readParquet([file])} ORDER BY ${rowColumn}`;
  let at = 0;
  for await (const [rowValues = [], labelValues = [], timeValues = []] of streamChunks(
    sql,
    query,
  )) {
    rowValues.forEach((value, index) => {
      row[at] = value as bigint;
      labels[at] = checkedLabel(labelValues[index], value as bigint, {
        task,
        classes: classes.length,
      });
      times[at] = timeValues[index] == null ? NaN : Number(timeValues[index]);
      at += 1;
    });
  }
  return { row, labels, times };
}

function checkedLabel(
  label: unknown,
  row: bigint,
  { task, classes }: { readonly task: Task; readonly classes: number },
): number {
  const max = { classification: 1, multiclass: classes - 1, regression: Infinity }[task];
  const isClass = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= max;
  const usable =
    typeof label === 'number' &&
    Number.isFinite(label) &&
    (task === 'regression' || isClass(label));
  if (!usable)
    throw failure('DataUnreadable', `row ${row} of the holdout has no usable label for ${task}`);
  return label;
}

/** Both files of a part must hold all assembled rows; a part of the holdout is not enough (I10). */
export async function checkRows(sql: PlatformSql, file: string, expected: number): Promise<void> {
  const { rows } = await sql.one<{ rows: number }>(
    `SELECT count(*) AS rows FROM ${readParquet([file])}`,
  );
  if (rows !== expected)
    throw failure(
      'DataUnreadable',
      `the file of the holdout has ${rows} rows, but ${expected} rows were assembled`,
    );
}

export async function columnNames(sql: PlatformSql, file: string): Promise<readonly string[]> {
  const columns = await sql.rows<{ column_name: string }>(
    `DESCRIBE SELECT * FROM ${readParquet([file])}`,
  );
  return columns.map((column) => column.column_name);
}

/** Hashes of rows that a hash put into their part, in order of `__row`. */
export async function readGroups(sql: PlatformSql, file: string): Promise<readonly string[]> {
  const groups: string[] = [];
  for await (const [values = []] of streamChunks(
    sql,
    `SELECT ${groupColumn} FROM ${readParquet([file])} ORDER BY ${rowColumn}`,
  )) {
    for (const value of values) groups.push(String(value));
  }
  return groups;
}

/**
 * Identity of the holdout: SHA-256 over each row's time (µs) and label, in order. Other columns and
 * features do not change it. For rows without a time, the hash that put them into the holdout is
 * used.
 */
export async function digestOfRows(
  sql: PlatformSql,
  file: string,
  { isDrawn }: { readonly isDrawn: boolean },
): Promise<Digest> {
  const [timeHash, labelHash] = [createHash('sha256'), createHash('sha256')];
  const query = `SELECT ${isDrawn ? `CAST('0x' || substr(${groupColumn}, 1, 15) AS BIGINT)` : `epoch_us(${timeColumn})`} AS at, ${labelColumn} AS label FROM ${readParquet([file])} ORDER BY ALL`;
  for await (const [times = [], labels = []] of streamChunks(sql, query)) {
    timeHash.update(BigInt64Array.from(times as bigint[]));
    labelHash.update(Float64Array.from(labels as number[]));
  }
  return `sha256:${createHash('sha256').update(timeHash.digest()).update(labelHash.digest()).digest('hex')}`;
}

/** A column as coded text; null becomes `missingText`. */
export async function readSliceColumn(
  sql: PlatformSql,
  file: string,
  column: string,
  rows: number,
): Promise<SliceColumn> {
  if (!(await columnNames(sql, file)).includes(column))
    return { kind: 'missing', reason: 'the assembled rows have no such column' };
  const numbers = new Map<string, number>();
  const values: string[] = [];
  const codes = new Int32Array(rows);
  let at = 0;
  const query = `SELECT CAST(${quoteName(column)} AS VARCHAR) FROM ${readParquet([file])} ORDER BY ${rowColumn}`;
  for await (const [texts = []] of streamChunks(sql, query)) {
    for (const text of texts)
      codes[at++] = internValue(typeof text === 'string' ? text : missingText, numbers, values);
  }
  return { kind: 'coded', values, codes };
}

function internValue(value: string, numbers: Map<string, number>, values: string[]): number {
  const known = numbers.get(value);
  if (known !== undefined) return known;
  numbers.set(value, values.length);
  return values.push(value) - 1;
}
