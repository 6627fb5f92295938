/** Scores the rows of one chunk with the features and the graph that the gateway uses. */
import {
  BIGINT,
  DOUBLE,
  DuckDBDataChunk,
  VARCHAR,
  type DuckDBAppender,
  type DuckDBValue,
} from '@duckdb/node-api';
import { rowColumn } from '../../domain/training/assembled';
import type { BatchChunk } from '../../domain/batch/chunks';
import { modelVersionColumn, rowNumber, scoreColumns } from '../../domain/batch/columns';
import type { ChunkCounts, RejectedRow } from '../../domain/batch/row-errors';
import { predictedClass } from '../../domain/evaluation/metrics/multiclass';
import { failure } from '../../domain/failure';
import { openOnnxModel, type OnnxModel } from '../onnx/session';
import type { Scratch } from '../scratch';
import { quoteName, quoteText, withDuckDb, type PlatformSql } from '../sql/platform-sql';
import { checkedColumn } from './checked-columns';
import { featureBatches, type FeatureBatchRows } from './feature-batches';
import type { BatchPlan } from './plan';

export interface ChunkScoring {
  readonly plan: BatchPlan;
  readonly chunk: BatchChunk;
  /** The verified Parquet file of the chunk. */
  readonly file: string;
  /** The verified bytes of the graph. */
  readonly onnx: Uint8Array;
  readonly scratch: Scratch;
  readonly signal: AbortSignal;
}

export interface ScoredChunk extends ChunkCounts {
  /** Parquet; null when every row was rejected. */
  readonly predictions: string | null;
  /** Parquet of the rejected rows with their reasons; null without any. */
  readonly quarantine: string | null;
}

/** The number of a row in the dataset version. Columns of users do not begin with two underscores. */
const batchRow = '__batch_row';
/** The same column as in the quarantine of contracts, whose reader shows these rows, too. */
const reasonsColumn = '__reasons';
const parquet = '(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)';
const memoryBytes = 512 << 20;
const examplesPerReason = 3;
const notFinite = 'the score is not finite';
const sqlFails = 'features.sql fails for the row';

/** Equal inputs give equal files. Rows are read, scored and written in batches of about 2,000. */
export async function scoreChunk(scoring: ChunkScoring): Promise<ScoredChunk> {
  const { plan, scratch, signal, onnx } = scoring;
  const model = await openOnnxModel(onnx, plan.graphInputs, plan.classes);
  try {
    // One thread, because the order of the rows must not depend on the machine.
    return await withDuckDb((sql) => scoreIn(sql, model, scoring), {
      memoryBytes,
      threads: 1,
      spillDirectory: scratch.path('spill'),
      signal,
    });
  } finally {
    await model.close();
  }
}

async function scoreIn(
  sql: PlatformSql,
  model: OnnxModel,
  scoring: ChunkScoring,
): Promise<ScoredChunk> {
  const { plan, chunk, scratch } = scoring;
  const rows = chunk.until - chunk.from;
  await openChunk(sql, scoring);
  const requestRows = scratch.path('request.parquet');
  await splitRows(sql, plan, requestRows);
  const scored = await scoreRequestRows(sql, model, scoring, requestRows);
  const rejected = await rejections(sql);
  if (scored + rejected.quarantined !== rows)
    throw failure(
      'DataUnreadable',
      `rows ${chunk.firstRow} to ${chunk.firstRow + rows - 1} of the input are ${rows}, ` +
        `but ${scored} were scored and ${rejected.quarantined} rejected`,
    );
  return {
    rows,
    scored,
    ...rejected,
    predictions: scored === 0 ? null : await writePredictions(sql, scoring),
    quarantine: rejected.quarantined === 0 ? null : await writeQuarantine(sql, scoring),
  };
}

/** The rows of the chunk, read through the file's row groups that contain them. */
async function openChunk(
  sql: PlatformSql,
  { plan, chunk: { from, until, firstRow }, file }: ChunkScoring,
): Promise<void> {
  const columns = plan.columns.map(({ name }) => quoteName(name)).join(', ');
  await sql.run(
    `CREATE TEMP VIEW chunk AS SELECT ${columns}, file_row_number + ${firstRow - from} AS ${batchRow}
     FROM read_parquet(${quoteText(file)}, file_row_number = true)
     WHERE file_row_number >= ${from} AND file_row_number < ${until}`,
  );
  await sql.run(`CREATE TABLE rejected (${batchRow} BIGINT, reason VARCHAR)`);
}

/** Writes the rows that the gateway would accept, and lists the others. */
async function splitRows(sql: PlatformSql, plan: BatchPlan, requestRows: string): Promise<void> {
  const read = plan.read.map(checkedColumn);
  const values = read.map(({ name, value }) => `${value} AS ${quoteName(name)}`);
  const isBad = read.map((column) => column.isBad).join(' OR ') || 'false';
  const selected = [`${batchRow} AS ${rowColumn}`, ...values].join(', ');
  await sql.run(
    `COPY (SELECT ${selected} FROM chunk WHERE NOT (${isBad}))
     TO ${quoteText(requestRows)} (FORMAT parquet)`,
  );
  for (const column of read)
    await sql.run(
      `INSERT INTO rejected SELECT ${batchRow}, ${quoteText(column.reason)}
       FROM chunk WHERE ${column.isBad}`,
    );
}

async function scoreRequestRows(
  sql: PlatformSql,
  model: OnnxModel,
  { plan, scratch, signal }: ChunkScoring,
  requestRows: string,
): Promise<number> {
  const columns = scoreColumns(plan);
  const types = columns.map(({ type }) => (type === 'string' ? VARCHAR : DOUBLE));
  await sql.run(
    `CREATE TABLE scores (${batchRow} BIGINT, ${columns.map(({ name }, i) => `${quoteName(name)} ${types[i]?.toString() ?? ''}`).join(', ')})`,
  );
  const appender = await sql.connection.createAppender('scores');
  const rejected: RejectedRow[] = [];
  let scored = 0;
  try {
    const batches = featureBatches(sql, { plan, requestRows, scratch, signal });
    for await (const batch of batches) {
      for (const row of batch.failed) rejected.push({ row: Number(row), reason: sqlFails });
      const scores = await model.predict(batch.columns, batch.rows.length);
      const kept = finiteRows(scores, batch, model.width, rejected);
      appendScores(appender, { types, classes: plan.classes }, batch, scores, kept);
      scored += kept.length;
    }
    appender.flushSync();
  } finally {
    appender.closeSync();
  }
  await listRejected(sql, rejected);
  return scored;
}

/** The places in the batch whose scores are all finite. */
function finiteRows(
  scores: Float64Array,
  { rows }: FeatureBatchRows,
  width: number,
  rejected: RejectedRow[],
): readonly number[] {
  const kept: number[] = [];
  rows.forEach((row, place) => {
    const own = scores.subarray(place * width, (place + 1) * width);
    if (own.every(Number.isFinite)) kept.push(place);
    else rejected.push({ row: Number(row), reason: notFinite });
  });
  return kept;
}

type ScoreTypes = readonly (typeof VARCHAR | typeof DOUBLE)[];

function appendScores(
  appender: DuckDBAppender,
  {
    types,
    classes,
  }: { readonly types: ScoreTypes; readonly classes?: readonly string[] | undefined },
  { rows }: FeatureBatchRows,
  scores: Float64Array,
  kept: readonly number[],
): void {
  const width = classes?.length ?? 1;
  const vectorRows = 2048;
  for (let from = 0; from < kept.length; from += vectorRows) {
    const places = kept.slice(from, from + vectorRows);
    const columns: DuckDBValue[][] = [places.map((place) => rows[place] ?? null)];
    if (classes)
      columns.push(
        places.map((place) => classes[predictedClass(scores, place * width, width)] ?? null),
      );
    for (let column = 0; column < width; column += 1)
      columns.push(places.map((place) => scores[place * width + column] ?? null));
    const chunk = DuckDBDataChunk.create([BIGINT, ...types], places.length);
    chunk.setColumns(columns);
    appender.appendDataChunk(chunk);
  }
}

async function listRejected(sql: PlatformSql, rejected: readonly RejectedRow[]): Promise<void> {
  if (rejected.length === 0) return;
  const appender = await sql.connection.createAppender('rejected');
  try {
    for (const { row, reason } of rejected) {
      appender.appendBigInt(BigInt(row));
      appender.appendVarchar(reason);
      appender.endRow();
    }
    appender.flushSync();
  } finally {
    appender.closeSync();
  }
}

async function rejections(
  sql: PlatformSql,
): Promise<Pick<ChunkCounts, 'quarantined' | 'reasons' | 'examples'>> {
  const { quarantined } = await sql.one<{ quarantined: number }>(
    `SELECT count(DISTINCT ${batchRow}) AS quarantined FROM rejected`,
  );
  const counted = await sql.rows<{ reason: string; n: number }>(
    'SELECT reason, count(*) AS n FROM rejected GROUP BY 1 ORDER BY 1',
  );
  const examples = await sql.rows<RejectedRow>(
    `SELECT ${batchRow} AS row, reason FROM rejected
     QUALIFY row_number() OVER (PARTITION BY reason ORDER BY ${batchRow}) <= ${examplesPerReason}
     ORDER BY 2, 1`,
  );
  return {
    quarantined,
    reasons: Object.fromEntries(counted.map(({ reason, n }) => [reason, n])),
    examples,
  };
}

async function writePredictions(
  sql: PlatformSql,
  { plan, scratch }: ChunkScoring,
): Promise<string> {
  const path = scratch.path('predictions.parquet');
  const keys = plan.keys.map(({ name }) => `chunk.${quoteName(name)}`);
  const scores = scoreColumns(plan).map(({ name }) => `scores.${quoteName(name)}`);
  const selected = [
    `scores.${batchRow} AS ${quoteName(rowNumber)}`,
    ...keys,
    ...scores,
    `${plan.model.version}::BIGINT AS ${quoteName(modelVersionColumn)}`,
  ];
  const from = keys.length === 0 ? 'scores' : `scores JOIN chunk USING (${batchRow})`;
  await sql.run(
    `COPY (SELECT ${selected.join(', ')} FROM ${from} ORDER BY 1) TO ${quoteText(path)} ${parquet}`,
  );
  return path;
}

async function writeQuarantine(sql: PlatformSql, { plan, scratch }: ChunkScoring): Promise<string> {
  const path = scratch.path('quarantine.parquet');
  const columns = plan.columns
    .filter(({ name }) => name !== reasonsColumn)
    .map(({ name }) => `chunk.${quoteName(name)}`);
  await sql.run(
    `COPY (
       SELECT ${[...columns, `bad.reasons AS ${reasonsColumn}`].join(', ')}
       FROM chunk JOIN (
         SELECT ${batchRow}, string_agg(reason, '; ' ORDER BY reason) AS reasons
         FROM rejected GROUP BY 1
       ) bad USING (${batchRow}) ORDER BY ${batchRow}
     ) TO ${quoteText(path)} ${parquet}`,
  );
  return path;
}
