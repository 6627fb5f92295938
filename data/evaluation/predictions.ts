import { BIGINT, DOUBLE, DuckDBDataChunk, VARCHAR } from '@duckdb/node-api';
import { setImmediate } from 'node:timers/promises';
import { quoteText, type PlatformSql } from '../sql/platform-sql';
import { dateOf } from '../../domain/calendar';
import type { HoldoutRows } from './holdout-rows';

export interface Predictions {
  readonly rows: HoldoutRows;
  /** As the lifecycle's calendar numbers them. */
  readonly dayOfRow: Int32Array;
  readonly score: Float64Array;
  /** Null where there was no such counterpart. */
  readonly champion: Float64Array | null;
  readonly baseline: Float64Array | null;
  /** By version. */
  readonly anchors: Readonly<Record<string, Float64Array | null>>;
}

const chunkRows = 2048;

/** Everybody's score of every holdout row, for later audit: `row`, `day`, `label`, `score`, `champion`, `baseline`, and `version_<n>` of each anchor. The same predictions give the same bytes. */
export async function writePredictions(sql: PlatformSql, path: string, predictions: Predictions): Promise<void> {
  const { rows, dayOfRow, score, champion, baseline, anchors } = predictions;
  const versions = Object.entries(anchors);
  await sql.run(
    `CREATE OR REPLACE TABLE predictions ("row" BIGINT, "day" VARCHAR, label DOUBLE, score DOUBLE, champion DOUBLE, baseline DOUBLE${versions.map(([version]) => `, version_${Number(version)} DOUBLE`).join('')})`,
  );
  const appender = await sql.connection.createAppender('predictions');
  try {
    for (let from = 0; from < score.length; from += chunkRows) {
      const until = Math.min(score.length, from + chunkRows);
      const part = (values: Float64Array | null) =>
        values === null ? new Array<null>(until - from).fill(null) : [...values.subarray(from, until)];
      const chunk = DuckDBDataChunk.create([BIGINT, VARCHAR, DOUBLE, DOUBLE, DOUBLE, DOUBLE, ...versions.map(() => DOUBLE)], until - from);
      const days = Array.from(dayOfRow.subarray(from, until), dateOf);
      chunk.setColumns([
        [...rows.row.subarray(from, until)],
        days,
        part(rows.labels),
        part(score),
        part(champion),
        part(baseline),
        ...versions.map(([, values]) => part(values)),
      ]);
      appender.appendDataChunk(chunk);
      await setImmediate();
    }
    appender.flushSync();
  } finally {
    appender.closeSync();
  }
  await sql.run(`COPY (FROM predictions ORDER BY "row") TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd)`);
}
