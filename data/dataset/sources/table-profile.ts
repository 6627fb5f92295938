import type { Column } from '../../../domain/dataset/dataset';
import type {
  ColumnProfile,
  LabelValue,
  TableProfile,
} from '../../../domain/dataset/table-profile';
import { missingMarks, maxLabelValues } from '../../../domain/dataset/table-profile';
import { quoteName, quoteText, type PlatformSql } from '../../sql/platform-sql';
import { withSourceTable } from './convert';
import type { SourceFiles, Table, TableColumn } from './formats/table';

/**
 * Counts and ranges of every column, the values of the label, and columns that determine the label.
 * Reads the whole table and copies nothing.
 */
export function profileTable(
  sql: PlatformSql,
  files: SourceFiles,
  label: string,
): Promise<TableProfile> {
  return withSourceTable(sql, files, async (table) => {
    const columns = await withoutMarks(sql, table, label);
    const list = columns
      .map(({ name, expression }) => `${expression} AS ${quoteName(name)}`)
      .join(', ');
    await sql.run(`CREATE TEMP VIEW profiled AS SELECT ${list} FROM ${table.relation}`);
    const target = columns.find(({ name }) => name === label);
    const counts = columns.flatMap((column, at) =>
      Object.entries(listMeasures(column, target)).map(
        ([key, measure]) => `${measure} AS "${key}${at}"`,
      ),
    );
    const measured = await sql.one<Readonly<Record<string, unknown>>>(
      `SELECT count(*) AS rows, ${counts.join(', ')} FROM profiled`,
    );
    return {
      rows: Number(measured['rows']),
      columns: columns.map(({ name, type, sourceType, marks }, at) =>
        columnProfile({ name, type, sourceType, marks }, (key) => measured[`${key}${at}`]),
      ),
      labelValues: target === undefined ? [] : await labelValues(sql, label),
      notes: table.notes.filter(
        (note) =>
          !columns.some(
            ({ name, marks }) => marks.length > 0 && note.startsWith(`column ${name} is kept`),
          ),
      ),
    };
  });
}

interface UnmarkedColumn extends TableColumn, Pick<ColumnProfile, 'sourceType' | 'marks'> {}

/**
 * Text columns that contain only numbers and marks for missing values become numbers. Marks in a
 * text label become null.
 */
async function withoutMarks(
  sql: PlatformSql,
  { relation, columns }: Table,
  label: string,
): Promise<readonly UnmarkedColumn[]> {
  const texts = columns.filter(({ type }) => type === 'string');
  const list = missingMarks.map(quoteText).join(', ');
  const counts = texts.map(({ expression }, at) => {
    const isMark = `trim(${expression}) IN (${list})`;
    const isNumber = `isfinite(TRY_CAST(${expression} AS DOUBLE))`;
    return `list(DISTINCT ${expression}) FILTER (WHERE ${isMark}) AS "marks${at}",
      count(${expression}) FILTER (WHERE NOT ${isMark} AND NOT coalesce(${isNumber}, false)) AS "others${at}",
      count(${expression}) FILTER (WHERE ${isNumber}) AS "numbers${at}"`;
  });
  const found: Readonly<Record<string, unknown>> =
    texts.length === 0 ? {} : await sql.one(`SELECT ${counts.join(', ')} FROM ${relation}`);
  return columns.map((column): UnmarkedColumn => {
    const { name, type, expression } = column;
    const at = texts.indexOf(column);
    const marks = at === -1 ? [] : ((found[`marks${at}`] as string[] | null) ?? []).sort();
    if (marks.length === 0) return { ...column, sourceType: type, marks };
    if (found[`others${at}`] === 0 && Number(found[`numbers${at}`]) > 0)
      return {
        name,
        type: 'number',
        sourceType: type,
        marks,
        expression: `TRY_CAST(${expression} AS DOUBLE)`,
      };
    if (name !== label) return { ...column, sourceType: type, marks: [] };
    return {
      ...column,
      sourceType: type,
      marks,
      expression: `CASE WHEN trim(${expression}) NOT IN (${list}) THEN ${expression} END`,
    };
  });
}

function listMeasures(
  { name, type }: Column,
  label: Column | undefined,
): Readonly<Record<string, string>> {
  const column = quoteName(name);
  const common = {
    nulls: `count(*) - count(${column})`,
    distinct: `count(DISTINCT ${column})`,
    tells: tells({ name, type }, label),
  };
  switch (type) {
    case 'integer':
      return {
        ...common,
        deviation: `stddev_pop(CAST(${column} AS DOUBLE))`,
        sequence: `count(DISTINCT ${column}) = count(*) AND CAST(max(${column}) AS HUGEINT) - min(${column}) = count(*) - 1`,
      };
    case 'number':
      return { ...common, deviation: `stddev_pop(${column}) FILTER (WHERE ${moderate(column)})` };
    case 'timestamp':
      return {
        ...common,
        days: `list_sort(list(DISTINCT epoch_ms(${column}) // 86400000) FILTER (WHERE isfinite(${column})))`,
        mean: `avg(epoch_ms(${column})) FILTER (WHERE isfinite(${column}))`,
      };
    case 'string':
      return {
        ...common,
        dates: `count(*) FILTER (WHERE regexp_matches(${column}, '^\\s*[0-9]{1,2}[-/.][0-9A-Za-z]{1,9}[-/.][0-9]{2,4}')) > 0.9 * count(${column})`,
      };
    case 'boolean':
      return common;
  }
}

/**
 * SQL: whether a column determines the label. For a class, each of its few values has one label.
 * For a quantity, the column is proportional to it.
 */
function tells({ name, type }: Column, label: Column | undefined): string {
  if (label === undefined || name === label.name) return 'false';
  const [column, target] = [quoteName(name), quoteName(label.name)];
  const numeric = (of: Column['type']): boolean => of === 'integer' || of === 'number';
  const both = `${column} IS NOT NULL AND ${target} IS NOT NULL`;
  const pairs = `count(DISTINCT row(${column}, ${target})) FILTER (WHERE ${both})`;
  const values = `count(DISTINCT ${column}) FILTER (WHERE ${both})`;
  const asClass = `count(DISTINCT ${target}) BETWEEN 2 AND 100 AND ${values} BETWEEN 2 AND 100 AND ${pairs} = ${values}`;
  if (!numeric(type) || !numeric(label.type)) return asClass;
  return `${asClass} OR coalesce(abs(corr(CAST(${column} AS DOUBLE), CAST(${target} AS DOUBLE)) FILTER (WHERE ${moderate(column)} AND ${moderate(target)})) > 0.99999, false)`;
}

/** Excludes NaN, infinities and values whose square overflows. */
function moderate(column: string): string {
  return `abs(CAST(${column} AS DOUBLE)) < 1e100`;
}

function columnProfile(
  column: Pick<ColumnProfile, 'name' | 'type' | 'sourceType' | 'marks'>,
  measured: (key: string) => unknown,
): ColumnProfile {
  const number = (key: string): number | null =>
    typeof measured(key) === 'number' ? (measured(key) as number) : null;
  const days = measured('days');
  return {
    ...column,
    nulls: Number(measured('nulls')),
    distinct: Number(measured('distinct')),
    deviation: number('deviation'),
    isSequence: measured('sequence') === true,
    looksLikeDate: measured('dates') === true,
    days: Array.isArray(days) ? days.map(Number) : [],
    meanTime: number('mean'),
    determinesLabel: measured('tells') === true,
  };
}

async function labelValues(sql: PlatformSql, label: string): Promise<readonly LabelValue[]> {
  const column = quoteName(label);
  return sql.rows<{ value: string; rows: number }>(
    `SELECT CAST(${column} AS VARCHAR) AS value, count(*) AS rows FROM profiled WHERE ${column} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${maxLabelValues}`,
  );
}
