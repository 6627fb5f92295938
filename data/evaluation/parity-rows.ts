import { rowColumn } from '../../domain/training/assembled';
import type { Column } from '../../domain/dataset/dataset';
import { failure } from '../../domain/failure';
import { quoteName, quoteText, readParquet, type PlatformSql } from '../sql/platform-sql';
import { checkRows, columnNames } from './holdout-rows';
import { streamChunks } from './parquet-chunks';

export interface ParitySample {
  readonly rows: number;
  /** Request columns as JSON values, in order of `__row`; null is missing. */
  readonly request: Readonly<Record<string, readonly (string | number | boolean | null)[]>>;
  /** File with the features of the same rows, for `scoreRows`. */
  readonly featuresFile: string;
}

export interface ParitySampleSource {
  readonly requestRows: string;
  readonly features: string;
  /** Rows in each of the two files. */
  readonly total: number;
  readonly wanted: number;
  readonly columns: readonly Column[];
  /** Output path of the sampled features. */
  readonly featuresSample: string;
}

/** `wanted` evenly spread rows, the same ones each time. */
export async function readParitySample(
  sql: PlatformSql,
  source: ParitySampleSource,
): Promise<ParitySample> {
  const { requestRows, features, total, columns, featuresSample } = source;
  await checkRows(sql, requestRows, total);
  const rows = Math.min(source.wanted, total);
  const there = await columnNames(sql, requestRows);
  const lacking = columns.filter(({ name }) => !there.includes(name));
  if (lacking.length > 0) {
    throw failure(
      'InvalidInput',
      `the request rows lack ${lacking.map(({ name }) => `\`${name}\``).join(', ')}, which the model needs`,
    );
  }
  // Exactly `rows` of `total` places step over a multiple, without randomness or clusters.
  await sql.run(
    `CREATE OR REPLACE TABLE parity_rows AS SELECT ${rowColumn} FROM (
       SELECT ${rowColumn}, row_number() OVER (ORDER BY ${rowColumn}) - 1 AS place FROM ${readParquet([requestRows])}
     ) WHERE ((place + 1) * ${rows}) // ${total} > (place * ${rows}) // ${total}`,
  );
  await sql.run(
    `COPY (SELECT features.* FROM ${readParquet([features])} AS features JOIN parity_rows USING (${rowColumn}) ORDER BY ${rowColumn})
     TO ${quoteText(featuresSample)} (FORMAT parquet)`,
  );
  await checkRows(sql, featuresSample, rows);
  const request = await readColumns(sql, requestRows, columns);
  return { rows, request, featuresFile: featuresSample };
}

async function readColumns(
  sql: PlatformSql,
  file: string,
  columns: readonly Column[],
): Promise<ParitySample['request']> {
  const read: Record<string, (string | number | boolean | null)[]> = {};
  for (const { name } of columns) read[name] = [];
  if (columns.length === 0) return read;
  const list = columns
    .map((column) => `${wireForm(column)} AS ${quoteName(column.name)}`)
    .join(', ');
  const query = `SELECT ${list} FROM ${readParquet([file])} JOIN parity_rows USING (${rowColumn}) ORDER BY ${rowColumn}`;
  for await (const chunk of streamChunks(sql, query)) {
    columns.forEach(({ name }, index) => {
      for (const value of chunk[index] ?? [])
        read[name]?.push(
          typeof value === 'bigint' ? Number(value) : (value as string | number | boolean | null),
        );
    });
  }
  return read;
}

/** SQL for the value as a caller sends it: JSON has no NaN or infinity, and times are RFC 3339. */
function wireForm({ name, type }: Column): string {
  const column = quoteName(name);
  if (type === 'timestamp') return `strftime(${column}::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%fZ')`;
  if (type === 'number') return `CASE WHEN isfinite(${column}::DOUBLE) THEN ${column}::DOUBLE END`;
  return column;
}
