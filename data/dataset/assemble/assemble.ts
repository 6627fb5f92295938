import { createHash } from 'node:crypto';
import type { Digest } from '../../../domain/artifact';
import type { DroppedRows } from '../../../domain/training/assembled';
import type { AssembledPartName } from '../../../domain/dataset/split';
import {
  dayColumn,
  entityColumn,
  groupColumn,
  labelColumn,
  reservedColumns,
  rowColumn,
  timeColumn,
} from '../../../domain/training/assembled';
import { assembledParts } from '../../../domain/dataset/split';
import type { Column, ColumnType, TimeWindow } from '../../../domain/dataset/dataset';
import { failure } from '../../../domain/failure';
import type { DataSpec } from '../../../domain/lifecycle/lifecycle';
import type { FeatureColumn, Task } from '../../../domain/model/model';
import { splitWindow } from '../../../domain/dataset/time-window';
import { formatInstant } from '../../../domain/instant';
import { withheldLabel } from '../../sql/feature-policy';
import { compileFeatureSql } from '../../sql/feature-sql';
import type { FeaturePlan } from '../../sql/feature-compiler';
import { writeFeatureTables } from '../../sql/feature-table';
import {
  quoteName,
  quoteText,
  readParquet,
  withDuckDb,
  type PlatformSql,
} from '../../sql/platform-sql';
import { runUserSql } from '../../sql/user-sql';
import { keyColumns } from './key-columns';
import {
  checkClasses,
  readClasses,
  labelValue,
  numberOfClass,
  refuseUnknownClasses,
  inferTask,
} from './label';
import { splitHashSql, splitPartSql } from './split-hash';

export interface AssemblyRun {
  readonly data: DataSpec;
  /** Task that the lifecycle names; null derives it from the label. */
  readonly task: Task | null;
  readonly assembleSql: string;
  readonly featuresSql: string;
  /** Null when the rows have no time. */
  readonly window: TimeWindow | null;
  /** Parquet files of each source, in `folder`. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
  /** Private to this run; all output goes here. */
  readonly folder: string;
  readonly limits: { readonly memoryBytes: number; readonly seconds: number };
  readonly signal: AbortSignal;
}

export interface AssembledFiles {
  readonly columns: readonly Column[];
  readonly labelType: ColumnType;
  readonly task: Task;
  /** Only for multiclass. */
  readonly classes?: readonly string[];
  readonly available: readonly Column[];
  readonly request: readonly Column[];
  readonly features: readonly FeatureColumn[];
  readonly parts: Readonly<Record<AssembledPartName, PartFiles>>;
  readonly dropped: DroppedRows;
  /** Only for a split by a hash. */
  readonly labels?: Digest;
}

export interface PartFiles {
  readonly rows: number;
  readonly window: TimeWindow | null;
  readonly requestRows: string;
  readonly features: string;
}

/**
 * Joins the sources into labelled request rows and splits them by time, or by a hash when they have
 * no time. Keeps the rows of the window whose label was known at its end. Computes the features of
 * each part by the query that the gateway runs. Equal input gives equal bytes.
 * @throws errors of the SQL (sql-errors), InvalidInput for a missing column or an unusable label,
 *   DatasetEmpty for a part without rows
 */
export async function assemble(run: AssemblyRun): Promise<AssembledFiles> {
  const { data, folder, signal } = run;
  const parting = choosePartition(run);
  const path = (name: string): string => `${folder}/${name}.parquet`;
  const { columns } = await runUserSql({
    sql: run.assembleSql,
    file: data.assemble,
    tables: run.tables,
    outputPath: path('assembled'),
    ...(data.time && { orderBy: data.time.column }),
    limits: run.limits,
    signal,
  });
  const keys = keyColumns(columns, data);
  const available = columns.filter((column) => column !== keys.label);
  const plan = await compiledFeatures(run, available);

  const split = await withDuckDb(
    async (sql) => {
      // One thread and one file: row numbers follow the order in which the rows were written.
      await sql.run(
        `CREATE VIEW assembled AS SELECT *, row_number() OVER () - 1 AS ${rowColumn} FROM ${readParquet([path('assembled')])}`,
      );
      const task = await inferTask(sql, keys.label, { wanted: run.task, file: data.assemble });
      const assembly: Assembly = { run, keys, task, parting, available };
      const dropped = await countDropped(sql, assembly);
      const rows: Partial<Record<AssembledPartName, number>> = {};
      await sql.run(keptRows(assembly));
      const classes =
        task === 'multiclass'
          ? await readClasses(sql, keys.label, parting.selectRows('train'))
          : undefined;
      if (classes) await refuseUnknownClasses(sql, keys.label, classes);
      for (const part of assembledParts) {
        rows[part] = await writePart(sql, {
          part,
          assembly,
          classes,
          file: path(`${part}-request`),
        });
        if (rows[part] === 0) throw emptyPart(part, parting, dropped);
        if (task !== 'regression')
          await checkClasses(sql, part, path(`${part}-request`), {
            label: keys.label.name,
            classes,
          });
      }
      return {
        dropped,
        task,
        ...(run.data.split.by !== 'time' && { labels: await digestOfLabels(sql) }),
        ...(classes && { classes }),
        rows: rows as Record<AssembledPartName, number>,
      };
    },
    { memoryBytes: run.limits.memoryBytes, threads: 1, spillDirectory: path('spill'), signal },
  );

  const parts = Object.fromEntries(
    assembledParts.map((part) => [
      part,
      {
        rows: split.rows[part],
        window: parting.findWindow(part),
        requestRows: path(`${part}-request`),
        features: path(`${part}-features`),
      },
    ]),
  ) as Record<AssembledPartName, PartFiles>;
  await writeFeatureTables({
    plan,
    tables: Object.values(parts),
    carried: parting.columns,
    limits: run.limits,
    signal,
  });
  return {
    columns,
    labelType: keys.label.type,
    task: split.task,
    ...(split.classes && { classes: split.classes }),
    available,
    request: plan.requestColumns,
    features: plan.features,
    parts,
    dropped: split.dropped,
    ...(split.labels && { labels: split.labels }),
  };
}

/** Over the labels of all kept rows in any order: a sum of hashes needs no sorting. */
async function digestOfLabels(sql: PlatformSql): Promise<Digest> {
  const { rows, sum } = await sql.one<{ rows: number; sum: string }>(`
    SELECT count(*) AS rows, CAST(sum(CAST(CAST('0x' || substr(md5(CAST(${labelColumn} AS VARCHAR)), 1, 15)
      AS BIGINT) AS HUGEINT)) AS VARCHAR) AS sum FROM kept`);
  return `sha256:${createHash('sha256').update(`${rows} ${sum}`).digest('hex')}`;
}

function compiledFeatures(
  { data, featuresSql }: AssemblyRun,
  available: readonly Column[],
): Promise<FeaturePlan> {
  return compileFeatureSql({
    sql: featuresSql,
    request: available,
    file: data.features,
    withheld: withheldLabel(data.label.column),
  });
}

type Keys = ReturnType<typeof keyColumns>;

interface Assembly {
  readonly run: AssemblyRun;
  readonly keys: Keys;
  readonly task: Task;
  readonly parting: Parting;
  readonly available: readonly Column[];
}

/** SQL that keeps rows and assigns them to parts. */
interface Parting {
  /** SQL over `assembled`: is the row in the window, and was its label known at the end of it? */
  readonly inside: (keys: Keys) => string;
  readonly ripe: (keys: Keys) => string;
  /** SQL over `kept`. */
  readonly selectRows: (part: AssembledPartName) => string;
  readonly findWindow: (part: AssembledPartName) => TimeWindow | null;
  /** Names of the added columns. */
  readonly columns: readonly string[];
}

function choosePartition({ data, window }: AssemblyRun): Parting {
  const { split, label } = data;
  if (split.by !== 'time') {
    return {
      inside: () => (split.by === 'group' ? `${quoteName(split.column)} IS NOT NULL` : 'true'),
      ripe: () => 'true',
      selectRows: (part) => splitPartSql(part, split),
      findWindow: () => null,
      columns: [...reservedColumns, groupColumn],
    };
  }
  if (window === null) throw new Error('a split by time needs a window');
  const windows = splitWindow(window, split);
  // Only labels that were known at the end of the window count, as on that day.
  const latest = formatInstant(Date.parse(window.until) - label.availableAfterSeconds * 1000);
  const within = (time: string, { from, until }: TimeWindow): string =>
    `${time} >= ${instant(from)} AND ${time} < ${instant(until)}`;
  return {
    inside: (keys) => within(names(keys).time, window),
    ripe: (keys) => `${names(keys).time} <= ${instant(latest)}`,
    selectRows: (part) => within(timeColumn, windows[part]),
    findWindow: (part) => windows[part],
    columns: reservedColumns,
  };
}

async function countDropped(
  sql: PlatformSql,
  { run, keys, task, parting }: Assembly,
): Promise<DroppedRows> {
  const label = labelValue(keys.label, task);
  const { time } = names(keys);
  const [inside, ripe] = [`(${parting.inside(keys)})`, `(${parting.ripe(keys)})`];
  const isTimed = run.data.split.by === 'time';
  return sql.one<DroppedRows & Record<string, number>>(`
    SELECT
      count(*) FILTER (${isTimed ? `${time} IS NULL` : 'false'}) AS "withoutTime",
      count(*) FILTER (${isTimed ? `${time} IS NOT NULL AND NOT ${inside}` : 'false'}) AS "outsideWindow",
      count(*) FILTER (${inside} AND NOT ${ripe}) AS "unripe",
      count(*) FILTER (${inside} AND ${ripe} AND ${label} IS NULL) AS "withoutLabel"
      ${run.data.split.by === 'group' ? `, count(*) FILTER (NOT ${inside}) AS "withoutGroup"` : ''}
    FROM assembled`);
}

/** Numbers rows over all parts in the order of the user's rows: by time, then by every column. */
function keptRows({ run, keys, task, parting, available }: Assembly): string {
  const { time, entity } = names(keys);
  const label = labelValue(keys.label, task);
  const { split } = run.data;
  return `
    CREATE TABLE kept AS
    SELECT
      ${available.map((column) => quoteName(column.name)).join(', ')},
      row_number() OVER (ORDER BY ${rowColumn}) - 1 AS ${rowColumn},
      ${label} AS ${labelColumn},
      ${split.by === 'time' ? time : 'NULL::TIMESTAMP'} AS ${timeColumn},
      ${entity === null ? 'NULL::VARCHAR' : `CAST(${entity} AS VARCHAR)`} AS ${entityColumn},
      ${split.by === 'time' ? `strftime(${time}, '%Y-%m-%d')` : 'NULL::VARCHAR'} AS ${dayColumn}
      ${split.by === 'time' ? '' : `, ${splitHashSql(split, available)} AS ${groupColumn}`}
    FROM assembled
    WHERE ${parting.inside(keys)} AND ${label} IS NOT NULL AND (${parting.ripe(keys)})
    ORDER BY ${rowColumn}`;
}

interface PartToWrite {
  readonly part: AssembledPartName;
  readonly assembly: Assembly;
  readonly classes: readonly string[] | undefined;
  readonly file: string;
}

async function writePart(
  sql: PlatformSql,
  { part, assembly: { parting, available }, classes, file }: PartToWrite,
): Promise<number> {
  const added = parting.columns.map((name) =>
    name === labelColumn && classes ? `${numberOfClass(classes)} AS ${labelColumn}` : name,
  );
  const columns = [...available.map((column) => quoteName(column.name)), ...added].join(', ');
  await sql.run(`
    COPY (SELECT ${columns} FROM kept WHERE ${parting.selectRows(part)} ORDER BY ${rowColumn})
    TO ${quoteText(file)} (FORMAT parquet, COMPRESSION zstd)`);
  return (await sql.one<{ rows: number }>(`SELECT count(*) AS rows FROM ${readParquet([file])}`))
    .rows;
}

function emptyPart(part: AssembledPartName, parting: Parting, dropped: DroppedRows): Error {
  const why = Object.entries(droppedBecause)
    .map(([reason, words]) => ({ rows: dropped[reason as keyof DroppedRows] ?? 0, words }))
    .filter(({ rows }) => rows > 0)
    .map(({ rows, words }) => `${rows} ${words}`)
    .join(', ');
  const window = parting.findWindow(part);
  const which = window === null ? part : `${part} (${window.from} to ${window.until})`;
  const next =
    window === null
      ? 'add rows or groups, or give this part a larger share in spec.data.split'
      : 'start the run with another --until, or use a longer window or other days in spec.data';
  return failure(
    'DatasetEmpty',
    `no row is left for the part ${which}${why === '' ? '' : `; dropped: ${why}`}`,
    { next },
  );
}

const droppedBecause = {
  outsideWindow: 'outside of the window',
  withoutTime: 'without a time',
  withoutGroup: 'without a group',
  unripe: 'whose label was not known at the end of the window',
  withoutLabel: 'without a label',
} as const satisfies Record<keyof DroppedRows, string>;

/** SQL names of the key columns; time is NULL when rows have none. */
function names({ time, entity }: Keys) {
  return {
    time: time === null ? 'NULL' : quoteName(time.name),
    entity: entity === null ? null : quoteName(entity.name),
  };
}

/** The files hold times in UTC without a zone. */
function instant(time: string): string {
  return `TIMESTAMP ${quoteText(time.replace('T', ' ').replace('Z', ''))}`;
}
