import { mkdir } from 'node:fs/promises';
import { readSource } from '../../../../data/dataset/sources/read-source';
import type { SourcePolicy } from '../../../../data/dataset/sources/policy';
import { openScratch } from '../../../../data/scratch';
import { quoteName, withDuckDb, type PlatformSql } from '../../../../data/sql/platform-sql';
import { runUserSql } from '../../../../data/sql/user-sql';
import type { TimeWindow } from '../../../../domain/dataset/dataset';
import { failure } from '../../../../domain/failure';
import type { DataSpec, TimeSpec } from '../../../../domain/lifecycle/lifecycle';
import { readScheme } from '../../../../domain/dataset/source-uri';

/** One request as a caller would have sent it, and the label that became known later. */
export interface ReplayRow {
  /** Milliseconds since 1970, event time. */
  readonly at: number;
  /** The assembled columns except the label, by name; times as RFC 3339. */
  readonly columns: Readonly<Record<string, unknown>>;
  /** Null if it never became known; the request is sent anyway. */
  readonly label: ReplayLabel | null;
}

/** For a score the value, for a multiclass model the class, for an answer the right ones. */
export type ReplayLabel = number | boolean | string | readonly string[];

/** Rows need an event time. */
export type TimedDataSpec = DataSpec & { readonly time: TimeSpec };

export interface ReplaySource {
  readonly data: TimedDataSpec;
  readonly assembleSql: string;
  readonly window: TimeWindow;
  readonly samplesDir: string;
  /** The state folder of the platform on this machine, which no source may read. */
  readonly stateDir: string;
  readonly cwd: string;
  readonly scratchRoot: string;
  readonly signal: AbortSignal;
}

export interface ReplayRows {
  readonly count: number;
  /** Rows in order of event time, about a thousand at a time. */
  readonly batches: () => AsyncGenerator<readonly ReplayRow[]>;
}

const rowsAtOnce = 1_000;
const memoryBytes = 2 ** 30;

/**
 * Reads a lifecycle's sources here and assembles them by its own SQL, as a training run does, then
 * keeps the window. Rows are read in order of time while they are asked for; the scratch folder
 * goes when `work` ends.
 */
export async function withReplayRows<T>(
  source: ReplaySource,
  work: (rows: ReplayRows) => Promise<T>,
): Promise<T> {
  const { data, signal } = source;
  const scratch = await openScratch(source.scratchRoot, 'replay');
  try {
    const tables = await readTables(source, scratch.path('sources'));
    const path = scratch.path('assembled.parquet');
    await runUserSql({
      sql: source.assembleSql,
      file: data.assemble,
      tables,
      outputPath: path,
      orderBy: data.time.column,
      limits: { memoryBytes, seconds: data.timeoutSeconds },
      signal,
    });
    return await withDuckDb(
      async (sql) => {
        const count = await keepWindow(sql, source, path);
        return work({ count, batches: () => batches(sql, data, count) });
      },
      { memoryBytes, threads: 1, spillDirectory: scratch.path('spill'), signal },
    );
  } finally {
    await scratch.dispose();
  }
}

async function readTables(
  { data, samplesDir, stateDir, cwd, signal }: ReplaySource,
  folder: string,
): Promise<Record<string, readonly string[]>> {
  // A replay reads with the rights of its caller. Another person may have written the sources, so
  // keys and state of the caller are not readable.
  const files = { roots: ['/', cwd], denied: [stateDir] };
  const policy: SourcePolicy = {
    samplesDir,
    allowPrivateAddresses: false,
    files,
    buckets: [],
    s3: null,
  };
  const tables: Record<string, readonly string[]> = {};
  for (const source of data.sources) {
    const scheme = readScheme(source.uri);
    if (scheme === 's3' || scheme === 'dataset') {
      throw failure(
        'NotInThisVersion',
        `replay cannot read source ${source.name} (${scheme}://) in this version`,
        {
          next: 'apply a copy of the lifecycle whose sources are file://, sample:// or https://, and replay that copy',
        },
      );
    }
    const into = `${folder}/${source.name}`;
    await mkdir(into, { recursive: true, mode: 0o700 });
    const limits = { maxBytes: data.maxBytes, timeoutSeconds: data.timeoutSeconds };
    const read = await readSource({
      source,
      into,
      policy,
      limits,
      datasets: noDatasets,
      window: null,
      signal,
      onProgress: () => undefined,
    });
    tables[source.name] = read.files;
  }
  return tables;
}

/** `dataset://` is refused above. */
const noDatasets = {
  manifest: () => Promise.resolve(null),
  toFile: () => Promise.reject(new Error('no dataset is read here')),
};

async function keepWindow(
  sql: PlatformSql,
  { data, window }: ReplaySource,
  path: string,
): Promise<number> {
  const time = quoteName(data.time.column);
  // Numbered in order of time, and for equal times in the order of the file, which is sorted by all
  // columns.
  await sql.run(
    `CREATE TABLE replayed AS SELECT row_number() OVER (ORDER BY ${time}, file_row_number) AS replay_row, * EXCLUDE (file_row_number)
     FROM read_parquet([$path], file_row_number = true) WHERE ${time} >= $from::TIMESTAMPTZ AND ${time} < $until::TIMESTAMPTZ`,
    { path, from: window.from, until: window.until },
  );
  const { rows } = await sql.one<{ rows: number }>('SELECT count(*) AS rows FROM replayed');
  return rows;
}

async function* batches(
  sql: PlatformSql,
  data: TimedDataSpec,
  count: number,
): AsyncGenerator<readonly ReplayRow[]> {
  for (let from = 1; from <= count; from += rowsAtOnce) {
    const rows = await sql.rows<Record<string, unknown>>(
      `SELECT * EXCLUDE (replay_row) FROM replayed WHERE replay_row >= ${from} AND replay_row < ${from + rowsAtOnce} ORDER BY replay_row`,
    );
    yield rows.map((row) => replayRow(row, data));
  }
}

function replayRow(row: Record<string, unknown>, { time, label }: TimedDataSpec): ReplayRow {
  const at = row[time.column];
  if (!(at instanceof Date))
    throw failure('InvalidInput', `${time.column} is not a time in an assembled row`);
  const columns: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row))
    if (name !== label.column) columns[name] = sendable(value);
  return { at: at.getTime(), columns, label: toLabel(row[label.column]) };
}

function sendable(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'bigint' ? Number(value) : value;
}

function toLabel(value: unknown): ReplayLabel | null {
  if (typeof value === 'boolean' || typeof value === 'number') return value;
  if (typeof value === 'string' && value !== '') return value;
  return typeof value === 'bigint' ? Number(value) : null;
}
