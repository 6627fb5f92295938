/** Counts the rows on which a version was trained and evaluated, by hour of event time. */
import { labelColumn, rowColumn, timeColumn } from '../../domain/training/assembled';
import type { Column } from '../../domain/dataset/dataset';
import type { Task } from '../../domain/model/model';
import {
  ageBins,
  binCount,
  categoryBins,
  numberBins,
  type FeatureBins,
} from '../../domain/monitoring/bins';
import { learnPairs, type FeaturePair } from '../../domain/monitoring/feature-pairs';
import { openBinner } from '../../domain/monitoring/observation/binner';
import {
  openRowCounter,
  type RowBins,
  type RowCounts,
} from '../../domain/monitoring/observation/row-counter';
import type { SkippedColumn } from '../../domain/monitoring/observation/champion-reference';
import { predictedClass } from '../../domain/evaluation/metrics/multiclass';
import type { HourCounts } from '../../domain/monitoring/reference';
import { sliceValues } from '../../domain/monitoring/observation/observe';
import { columnNames } from '../evaluation/holdout-rows';
import { streamChunks } from '../evaluation/parquet-chunks';
import { scoreRows } from '../evaluation/score-rows';
import type { OnnxModel } from '../onnx/session';
import { quoteName, readParquet, type PlatformSql } from '../sql/platform-sql';

export interface ReferenceBins {
  readonly bins: readonly FeatureBins[];
  readonly skipped: readonly SkippedColumn[];
}

/** A column with more values identifies rows, and hardly any value occurs again. */
const maxValues = 2_000;
/** Maximum rows that are read; of a larger reference, every n-th row is read. */
const maxRows = 500_000;
/** Rows from which the pairs of features are learnt. */
const maxPairRows = 50_000;

/**
 * Bins of the request columns, from files of request rows. The column of the event time has no age,
 * and without it no other time has.
 */
export async function readBins(
  sql: PlatformSql,
  files: readonly string[],
  { columns, time }: { readonly columns: readonly Column[]; readonly time: string | null },
): Promise<ReferenceBins> {
  const bins: FeatureBins[] = [];
  const skipped: SkippedColumn[] = [];
  for (const { name, type } of columns) {
    if (type === 'timestamp') {
      if (time === null || name === time)
        skipped.push({ name, why: 'its values are times, which always move on' });
      else bins.push(ageBins(name, await computeQuantiles(sql, files, ageSql(name))));
    } else if (type === 'number' || type === 'integer') {
      const value = `${quoteName(name)}::DOUBLE`;
      bins.push(numberBins(name, await computeQuantiles(sql, files, value)));
    } else {
      const counts = await countValues(sql, files, name);
      if (counts.length > maxValues)
        skipped.push({ name, why: `it has more than ${maxValues} different values` });
      else bins.push(categoryBins(name, counts));
    }
  }
  return { bins, skipped };
}

/** Seconds from a time to the event time of its row. */
function ageSql(name: string): string {
  return `(epoch(${timeColumn}) - epoch(${quoteName(name)}))`;
}

/** @param value an SQL expression of type DOUBLE */
async function computeQuantiles(
  sql: PlatformSql,
  files: readonly string[],
  value: string,
): Promise<readonly number[]> {
  const { quantiles } = await sql.one<{ quantiles: { items: readonly number[] } | null }>(
    `SELECT quantile_disc(${value}, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]) AS quantiles
     FROM ${readParquet(files)} WHERE isfinite(${value})`,
  );
  if (quantiles === null) return [];
  return Array.isArray(quantiles) ? (quantiles as readonly number[]) : quantiles.items;
}

async function countValues(
  sql: PlatformSql,
  files: readonly string[],
  name: string,
): Promise<readonly (readonly [string, number])[]> {
  const rows = await sql.rows<{ value: string; count: number }>(
    `SELECT CAST(${quoteName(name)} AS VARCHAR) AS value, count(*) AS count FROM ${readParquet(files)}
     WHERE ${quoteName(name)} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${maxValues + 1}`,
  );
  return rows.map(({ value, count }) => [value, count]);
}

/** How features belong together, from an even sample of the rows. */
export async function readPairs(
  sql: PlatformSql,
  files: readonly string[],
  bins: readonly FeatureBins[],
): Promise<readonly FeaturePair[]> {
  const { binRow } = openRowCounter({ features: bins, pairs: [] });
  const rows: Uint8Array[] = [];
  for await (const [, ...columns] of sampledRows(sql, files, { bins, maxRows: maxPairRows })) {
    const length = columns[0]?.length ?? 0;
    for (let row = 0; row < length; row += 1)
      rows.push(binRow((_, index) => columns[index]?.[row]));
  }
  return learnPairs(bins, rows);
}

/** Rows by hour and bin. Rows without a time have one hour. */
export async function countRows(
  sql: PlatformSql,
  files: readonly string[],
  by: RowBins,
): Promise<ReadonlyMap<string, HourCounts>> {
  const counter = openRowCounter(by);
  const hours = new Map<string, RowCounts>();
  for await (const [times = [], ...columns] of sampledRows(sql, files, {
    bins: by.features,
    maxRows,
  })) {
    times.forEach((time, row) => {
      const hour = hourText(time);
      const counts = hours.get(hour) ?? counter.empty();
      hours.set(hour, counts);
      counter.count(counts, (_, index) => columns[index]?.[row]);
    });
  }
  return new Map([...hours].map(([hour, counts]) => [hour, { hour, ...counts, score: null }]));
}

/** Chunks of the time and the features of at most `maxRows` rows, column by column. */
async function* sampledRows(
  sql: PlatformSql,
  files: readonly string[],
  { bins, maxRows: most }: { readonly bins: readonly FeatureBins[]; readonly maxRows: number },
): AsyncGenerator<readonly (readonly unknown[])[]> {
  const { rows } = await sql.one<{ rows: number }>(
    `SELECT count(*) AS rows FROM ${readParquet(files)}`,
  );
  const step = Math.max(1, Math.ceil(rows / most));
  const values = bins.map((each) =>
    each.kind === 'number' && each.of === 'age' ? ageSql(each.name) : quoteName(each.name),
  );
  const list = [`epoch_ms(${timeColumn})`, ...values].join(', ');
  yield* streamChunks(
    sql,
    `SELECT ${list} FROM ${readParquet(files)} WHERE ${rowColumn} % ${step} = 0`,
  );
}

/** Without a time, all rows count as one hour, and no scale has enough blocks to be tested. */
function hourText(time: unknown): string {
  const ms = time === null || time === undefined ? 0 : Number(time);
  return new Date(Math.floor(ms / 3_600_000) * 3_600_000).toISOString();
}

/** A row of the reference with the model's output: a score, or the name of the predicted class. */
export interface ScoredRow {
  readonly hour: string;
  readonly time: number;
  readonly label: number;
  readonly output: number | string;
  /** Probability of the true class, for a multiclass model. */
  readonly ofTrueClass: number | null;
  /** Slice column → value. */
  readonly slices: Readonly<Record<string, string>>;
}

export interface ScoredPartFiles {
  readonly features: string;
  readonly requestRows: string;
  readonly rows: number;
  /** Request columns; those that the rows lack are missing. */
  readonly slices: readonly string[];
}

/** Scores of a part that the model was not trained on. */
export async function scorePart(
  sql: PlatformSql,
  { features, requestRows, rows, slices }: ScoredPartFiles,
  model: OnnxModel,
  { task, classes = [] }: { readonly task: Task; readonly classes?: readonly string[] | undefined },
): Promise<readonly ScoredRow[]> {
  const scores = await scoreRows(sql, features, model, rows);
  const values = await sliceColumns(sql, requestRows, slices);
  const scored: ScoredRow[] = [];
  const query = `SELECT epoch_ms(${timeColumn}), ${labelColumn} FROM ${readParquet([features])} ORDER BY ${rowColumn}`;
  for await (const [times = [], labels = []] of streamChunks(sql, query)) {
    times.forEach((time, index) => {
      const from = scored.length * model.width;
      const label = Number(labels[index]);
      const isMulticlass = task === 'multiclass';
      scored.push({
        hour: hourText(time),
        time: time === null || time === undefined ? NaN : Number(time),
        label,
        output: isMulticlass
          ? (classes[predictedClass(scores, from, model.width)] ?? '')
          : (scores[from] ?? NaN),
        ofTrueClass: isMulticlass ? (scores[from + label] ?? NaN) : null,
        slices: sliceValues(values[scored.length], slices),
      });
    });
  }
  return scored;
}

/** The slice columns of each row, in order of `__row`. */
async function sliceColumns(
  sql: PlatformSql,
  file: string,
  slices: readonly string[],
): Promise<readonly object[]> {
  const there = slices.length === 0 ? [] : await columnNames(sql, file);
  const found = slices.filter((name) => there.includes(name));
  if (found.length === 0) return [];
  const list = found.map((name) => `CAST(${quoteName(name)} AS VARCHAR) AS ${quoteName(name)}`);
  return sql.rows(`SELECT ${list.join(', ')} FROM ${readParquet([file])} ORDER BY ${rowColumn}`);
}

/** Bins of the model's output. */
export function outputBins(rows: readonly ScoredRow[], task: Task): FeatureBins {
  if (task !== 'multiclass')
    return numberBins(
      'score',
      rows.map(({ output }) => Number(output)),
    );
  const counts = new Map<string, number>();
  for (const { output } of rows) counts.set(String(output), (counts.get(String(output)) ?? 0) + 1);
  return categoryBins('score', [...counts]);
}

/** Adds the rows of scored parts to the counts of their hours. */
export function withScores(
  hours: ReadonlyMap<string, HourCounts>,
  rows: readonly ScoredRow[],
  bins: FeatureBins,
): readonly HourCounts[] {
  const binner = openBinner(bins);
  const scores = new Map<string, number[]>();
  for (const { hour, output } of rows) {
    const counts = scores.get(hour) ?? new Array<number>(binCount(bins)).fill(0);
    scores.set(hour, counts);
    const bin = binner(output);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return [...hours.values()].map((each) => ({ ...each, score: scores.get(each.hour) ?? null }));
}
