import { join } from 'node:path';
import { isNativeError } from 'node:util/types';
import type { Column, TimeWindow } from '../../../domain/dataset/dataset';
import { isPerennialError } from '../../../domain/failure';
import type { SourceFormat } from '../../../domain/dataset/source-uri';
import { nearestHint } from '../../../domain/document/nearest';
import { quoteName, quoteText, type PlatformSql } from '../../sql/platform-sql';
import { csv } from './formats/csv';
import { ndjson } from './formats/ndjson';
import { parquet } from './formats/parquet';
import type { FormatReader, SourceFiles, Table, TableColumn } from './formats/table';
import { sourceFailure } from './source-failure';

const formats = { parquet, csv, ndjson } as const satisfies Record<SourceFormat, FormatReader>;

export interface SourceConversion {
  /** Ordered; the rows keep the order of the source. */
  readonly files: readonly string[];
  readonly columns: readonly Column[];
  readonly rows: number;
  readonly notes: readonly string[];
}

/** Size of one file of a dataset version; large files are split. */
const partBytes = 1 << 30;

/**
 * Writes the rows of the window as Parquet with the logical types, times in UTC. The same content
 * gives the same bytes, so that stages can be reused: one thread, fixed row groups, source order.
 * A new DuckDB version changes the bytes once, because it writes its version into the file.
 */
export async function convert(
  sql: PlatformSql,
  files: SourceFiles,
  window: TimeWindow | null,
  into: string,
): Promise<SourceConversion> {
  const { source } = files;
  return withSourceFailures(files, async () => {
    const table = await formats[source.format].open(sql, files);
    const columns = table.columns.map(({ name, type }) => ({ name, type }));
    const time = window === null ? null : timeColumn(table, files);
    const where = time === null || window === null ? '' : `WHERE ${within(time, window)}`;
    const list = table.columns
      .map(({ name, expression }) => `${expression} AS ${quoteName(name)}`)
      .join(', ');
    await sql.run('SET threads = 1');
    const copied = await sql.one<{ Count: number; Files: string[] }>(
      `COPY (SELECT ${list} FROM ${table.relation} ${where}) TO ${quoteText(join(into, 'parts'))} (FORMAT parquet, COMPRESSION zstd,
        ROW_GROUP_SIZE 122880, FILE_SIZE_BYTES ${partBytes}, FILENAME_PATTERN 'part-{i}', RETURN_FILES)`,
    );
    if (copied.Count === 0) throw await emptyFailure(sql, table, time, window, files);
    const timeless = time === null ? 0 : await countTimeless(sql, table, time);
    const left =
      timeless === 0
        ? []
        : [`${timeless} rows were left out because column ${time?.name ?? ''} has no time`];
    return { files: copied.Files, columns, rows: copied.Count, notes: [...table.notes, ...left] };
  });
}

/** The newest time in the source's time column, RFC 3339; null when no row has one. */
export async function newestTime(sql: PlatformSql, files: SourceFiles): Promise<string | null> {
  return withSourceFailures(files, async () => {
    const table = await formats[files.source.format].open(sql, files);
    return (await timeRange(sql, table, timeColumn(table, files))).newest;
  });
}

export interface SourceTimes {
  /** RFC 3339. */
  readonly oldest: string;
  readonly newest: string;
  /**
   * Each quarter of an hour with rows, in ascending milliseconds since 1970; null when there are
   * too many. The days of every time zone begin on a quarter.
   */
  readonly quarters: readonly number[] | null;
}

export interface TableDescription {
  readonly columns: readonly Column[];
  /** Null when the source names no time column, or no row has a time. */
  readonly times: SourceTimes | null;
}

/** Quarters of an hour in more than ten years. */
const maxQuarters = 400_000;

/** Columns of a source as a run reads them, and the times of its rows. Copies nothing. */
export async function describeTable(
  sql: PlatformSql,
  files: SourceFiles,
): Promise<TableDescription> {
  return withSourceFailures(files, async () => {
    const table = await formats[files.source.format].open(sql, files);
    const columns = table.columns.map(({ name, type }) => ({ name, type }));
    if (files.source.time === null) return { columns, times: null };
    const time = timeColumn(table, files);
    const { oldest, newest } = await timeRange(sql, table, time);
    if (oldest === null || newest === null) return { columns, times: null };
    const found = await sql.rows<{ at: number }>(
      `SELECT DISTINCT epoch_ms(time_bucket(INTERVAL '15 minutes', ${time.expression})) AS at FROM ${table.relation}
       WHERE isfinite(${time.expression}) LIMIT ${maxQuarters + 1}`,
    );
    const quarters =
      found.length > maxQuarters ? null : found.map(({ at }) => at).sort((a, b) => a - b);
    return { columns, times: { oldest, newest, quarters } };
  });
}

/** Opens a source as a run reads it. DuckDB's errors about the content become failures. */
export function withSourceTable<T>(
  sql: PlatformSql,
  files: SourceFiles,
  work: (table: Table) => Promise<T>,
): Promise<T> {
  return withSourceFailures(files, async () =>
    work(await formats[files.source.format].open(sql, files)),
  );
}

/**
 * Turns DuckDB's errors about the content into failures. A full disk and too little memory are not
 * errors of the content and stay unchanged.
 */
async function withSourceFailures<T>(files: SourceFiles, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isPerennialError(error) || !isNativeError(error)) throw error;
    if (/^(IO Error|Out of Memory Error|INTERNAL Error|INTERRUPT)/i.test(error.message))
      throw error;
    throw await formats[files.source.format].explain(error, files);
  }
}

function timeColumn({ columns }: Table, { source }: SourceFiles): TableColumn {
  const name = source.time ?? '';
  const column = columns.find((each) => each.name === name);
  if (!column) {
    const hint = nearestHint(
      name,
      columns.map((each) => each.name),
    );
    throw sourceFailure(
      'DataUnreadable',
      source,
      `column ${name}, which \`time\` names, does not exist${hint}`,
      {
        next: `name one of ${columns.map((each) => each.name).join(', ')}`,
      },
    );
  }
  if (column.type !== 'timestamp') {
    throw sourceFailure(
      'DataUnreadable',
      source,
      `column ${name}, which \`time\` names, is of type ${column.type} and holds no times`,
      {
        next: 'write times with the year first, such as 2013-07-01T05:00:00Z',
      },
    );
  }
  return column;
}

function within({ expression, zoned }: TableColumn, { from, until }: TimeWindow): string {
  const [column, type] = zoned === undefined ? [expression, 'TIMESTAMP'] : [zoned, 'TIMESTAMPTZ'];
  return `${column} >= ${instant(type, from)} AND ${column} < ${instant(type, until)}`;
}

/** The session is in UTC. */
function instant(type: string, time: string): string {
  return `${type} ${quoteText(new Date(time).toISOString().replace('T', ' ').replace('Z', ''))}`;
}

async function emptyFailure(
  sql: PlatformSql,
  table: Table,
  time: TableColumn | null,
  window: TimeWindow | null,
  { source }: SourceFiles,
): Promise<Error> {
  if (time === null || window === null) {
    return sourceFailure('DatasetEmpty', source, 'the file has columns but no rows', {
      next: 'check the program that writes the file',
    });
  }
  const { rows, oldest, newest } = await timeRange(sql, table, time);
  if (rows === 0)
    return sourceFailure('DatasetEmpty', source, 'the file has columns but no rows', {
      next: 'check the program that writes the file',
    });
  const range =
    oldest === null || newest === null ? 'have no time' : `have times from ${oldest} to ${newest}`;
  return sourceFailure(
    'DatasetEmpty',
    source,
    `no row is in the window ${window.from} to ${window.until}: its ${rows} rows ${range}`,
    {
      next:
        'change spec.data.time.until or spec.data.time.window so that the window covers the data, ' +
        'or start the run with --until',
    },
  );
}

async function timeRange(sql: PlatformSql, { relation }: Table, { expression }: TableColumn) {
  const selectShown = (end: 'min' | 'max'): string =>
    `strftime(${end}(${expression}) FILTER (WHERE isfinite(${expression})), '%Y-%m-%dT%H:%M:%S.%gZ')`;
  return sql.one<{ rows: number; oldest: string | null; newest: string | null }>(
    `SELECT count(*) AS rows, ${selectShown('min')} AS oldest, ${selectShown('max')} AS newest FROM ${relation}`,
  );
}

async function countTimeless(
  sql: PlatformSql,
  { relation }: Table,
  { expression }: TableColumn,
): Promise<number> {
  return (
    await sql.one<{ rows: number }>(
      `SELECT count(*) AS rows FROM ${relation} WHERE ${expression} IS NULL`,
    )
  ).rows;
}
