import type { AssembledPartName, DroppedRows } from '../../domain/assembled';
import { assembledParts, dayColumn, entityColumn, labelColumn, reservedColumns, rowColumn, timeColumn } from '../../domain/assembled';
import type { Column, ColumnType, TimeWindow } from '../../domain/dataset';
import { failure } from '../../domain/failure';
import type { DataSpec } from '../../domain/lifecycle';
import type { FeatureColumn, Task } from '../../domain/model';
import { formatInstant, splitWindow } from '../../domain/time-window';
import { withheldLabel } from '../sql/feature-policy';
import { compileFeatureSql, type FeaturePlan } from '../sql/feature-sql';
import { writeFeatureTables } from '../sql/feature-table';
import { quoteName, quoteText, readParquet, withDuckDb, type PlatformSql } from '../sql/platform-sql';
import { runUserSql } from '../sql/user-sql';
import { keyColumns } from './key-columns';
import { checkClasses, numericLabel, taskOf } from './label';

export interface AssemblyRun {
  readonly data: DataSpec;
  /** What the lifecycle says the task is; found from the label when null. */
  readonly task: Task | null;
  readonly assembleSql: string;
  readonly featuresSql: string;
  readonly window: TimeWindow;
  /** Parquet files of each source, in `folder`. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
  /** Private to this run; everything is written here. */
  readonly folder: string;
  readonly limits: { readonly memoryBytes: number; readonly seconds: number };
  readonly signal: AbortSignal;
}

export interface AssembledFiles {
  readonly columns: readonly Column[];
  readonly labelType: ColumnType;
  readonly task: Task;
  readonly available: readonly Column[];
  readonly request: readonly Column[];
  readonly features: readonly FeatureColumn[];
  readonly parts: Readonly<Record<AssembledPartName, PartFiles>>;
  readonly dropped: DroppedRows;
}

export interface PartFiles {
  readonly rows: number;
  readonly window: TimeWindow;
  readonly requestRows: string;
  readonly features: string;
}

/**
 * Joins the sources into labelled request rows, keeps those of the window whose label was known at its end, splits them in order of time and computes
 * the features of each part by the query that the gateway will run. Equal input gives equal bytes. Errors: the SQL's own (sql-errors), InvalidInput for
 * columns that are not there or a label that cannot be learnt, DatasetEmpty for a part without rows.
 */
export async function assemble(run: AssemblyRun): Promise<AssembledFiles> {
  const { data, folder, signal } = run;
  const windows = splitWindow(run.window, data.split);
  const path = (name: string): string => `${folder}/${name}.parquet`;
  const { columns } = await runUserSql({
    sql: run.assembleSql,
    file: data.assemble,
    tables: run.tables,
    outputPath: path('assembled'),
    orderBy: data.time.column,
    limits: run.limits,
    signal,
  });
  const keys = keyColumns(columns, data);
  const available = columns.filter((column) => column !== keys.label);
  const plan = await compiledFeatures(run, available);

  const split = await withDuckDb(
    async (sql) => {
      // One thread and one file: rows are numbered in the order that they were written in.
      await sql.run(`CREATE VIEW assembled AS SELECT *, row_number() OVER () - 1 AS ${rowColumn} FROM ${readParquet([path('assembled')])}`);
      const task = await taskOf(sql, keys.label, { wanted: run.task, file: data.assemble });
      const dropped = await countDropped(sql, run, keys);
      const rows: Partial<Record<AssembledPartName, number>> = {};
      await sql.run(keptRows(run, keys, available));
      for (const part of assembledParts) {
        rows[part] = await writePart(sql, windows[part], available, path(`${part}-request`));
        if (rows[part] === 0) throw emptyPart(part, windows[part], dropped);
        if (task === 'classification') await checkClasses(sql, part, path(`${part}-request`), keys.label.name);
      }
      return { dropped, task, rows: rows as Record<AssembledPartName, number> };
    },
    { memoryBytes: run.limits.memoryBytes, threads: 1, spillDirectory: path('spill'), signal },
  );

  const parts = Object.fromEntries(
    assembledParts.map((part) => [
      part,
      { rows: split.rows[part], window: windows[part], requestRows: path(`${part}-request`), features: path(`${part}-features`) },
    ]),
  ) as Record<AssembledPartName, PartFiles>;
  await writeFeatureTables({ plan, tables: Object.values(parts), carried: reservedColumns, limits: run.limits, signal });
  return {
    columns,
    labelType: keys.label.type,
    task: split.task,
    available,
    request: plan.requestColumns,
    features: plan.features,
    parts,
    dropped: split.dropped,
  };
}

function compiledFeatures({ data, featuresSql }: AssemblyRun, available: readonly Column[]): Promise<FeaturePlan> {
  return compileFeatureSql({
    sql: featuresSql,
    request: available,
    file: data.features,
    withheld: withheldLabel(data.label.column),
  });
}

type Keys = ReturnType<typeof keyColumns>;

async function countDropped(sql: PlatformSql, run: AssemblyRun, keys: Keys): Promise<DroppedRows> {
  const { time } = names(keys);
  const label = numericLabel(keys.label);
  const { from, until } = instants(run.window);
  const inside = `${time} >= ${from} AND ${time} < ${until}`;
  return sql.one<DroppedRows & Record<string, number>>(`
    SELECT
      count(*) FILTER (${time} IS NULL) AS "withoutTime",
      count(*) FILTER (${time} IS NOT NULL AND NOT (${inside})) AS "outsideWindow",
      count(*) FILTER (${inside} AND NOT ${ripe(run, time)}) AS "unripe",
      count(*) FILTER (${inside} AND ${ripe(run, time)} AND ${label} IS NULL) AS "withoutLabel"
    FROM assembled`);
}

/** Rows are numbered over all parts in the order that the user's rows were written in: by time, then by every column. */
function keptRows(run: AssemblyRun, keys: Keys, available: readonly Column[]): string {
  const { time, entity } = names(keys);
  const label = numericLabel(keys.label);
  const { from, until } = instants(run.window);
  return `
    CREATE TABLE kept AS
    SELECT
      ${available.map((column) => quoteName(column.name)).join(', ')},
      row_number() OVER (ORDER BY ${rowColumn}) - 1 AS ${rowColumn},
      ${label} AS ${labelColumn},
      ${time} AS ${timeColumn},
      ${entity === null ? 'NULL::VARCHAR' : `CAST(${entity} AS VARCHAR)`} AS ${entityColumn},
      strftime(${time}, '%Y-%m-%d') AS ${dayColumn}
    FROM assembled
    WHERE ${time} >= ${from} AND ${time} < ${until} AND ${label} IS NOT NULL AND ${ripe(run, time)}
    ORDER BY ${rowColumn}`;
}

/** A label counts when it was known at the window's end, as it would have been on that day. */
function ripe({ data, window }: AssemblyRun, time: string): string {
  const latest = formatInstant(Date.parse(window.until) - data.label.availableAfterSeconds * 1000);
  return `(${time} <= ${instant(latest)})`;
}

async function writePart(sql: PlatformSql, window: TimeWindow, available: readonly Column[], file: string): Promise<number> {
  const { from, until } = instants(window);
  const columns = [...available.map((column) => quoteName(column.name)), ...reservedColumns].join(', ');
  await sql.run(`
    COPY (SELECT ${columns} FROM kept WHERE ${timeColumn} >= ${from} AND ${timeColumn} < ${until} ORDER BY ${rowColumn})
    TO ${quoteText(file)} (FORMAT parquet, COMPRESSION zstd)`);
  return (await sql.one<{ rows: number }>(`SELECT count(*) AS rows FROM ${readParquet([file])}`)).rows;
}

function emptyPart(part: AssembledPartName, { from, until }: TimeWindow, dropped: DroppedRows): Error {
  const why = Object.entries(droppedBecause)
    .map(([reason, words]) => ({ rows: dropped[reason as keyof DroppedRows], words }))
    .filter(({ rows }) => rows > 0)
    .map(({ rows, words }) => `${rows} ${words}`)
    .join(', ');
  const message = `no row is left for the part ${part} (${from} to ${until})${why === '' ? '' : `; dropped: ${why}`}`;
  return failure('DatasetEmpty', message, { next: 'give a run another `until`, or the lifecycle a longer window or other split days' });
}

const droppedBecause = {
  outsideWindow: 'outside of the window',
  withoutTime: 'without a time',
  unripe: 'whose label was not known yet at its end',
  withoutLabel: 'without a label',
} as const satisfies Record<keyof DroppedRows, string>;

function names({ time, entity }: Keys) {
  return { time: quoteName(time.name), entity: entity === null ? null : quoteName(entity.name) };
}

function instants({ from, until }: TimeWindow) {
  return { from: instant(from), until: instant(until) };
}

/** Files hold UTC without a zone. */
function instant(time: string): string {
  return `TIMESTAMP ${quoteText(time.replace('T', ' ').replace('Z', ''))}`;
}
