import {
  BIGINT,
  DOUBLE,
  DuckDBDataChunk,
  LIST,
  listValue,
  VARCHAR,
  type DuckDBValue,
} from '@duckdb/node-api';
import { setImmediate } from 'node:timers/promises';
import { quoteText, type PlatformSql } from '../sql/platform-sql';
import { formatDay } from '../../domain/calendar';
import type { ScoredSample } from '../../domain/evaluation/metrics/sample';
import type { HoldoutRows } from './holdout-rows';

export interface Predictions {
  readonly rows: HoldoutRows;
  /** Day numbers of the lifecycle's calendar; null when rows have no time. */
  readonly dayOfRow: Int32Array | null;
  /** Only for multiclass. */
  readonly classes?: readonly string[] | undefined;
  readonly score: ScoredRows;
  /** Null when there is no such model. */
  readonly champion: ScoredRows | null;
  readonly baseline: ScoredRows | null;
  /** Version → scored rows. */
  readonly anchors: Readonly<Record<string, ScoredRows | null>>;
}

type ScoredRows = Pick<ScoredSample, 'scores' | 'width'>;

const chunkRows = 2048;

/**
 * Writes the scores of all models for every holdout row, for a later audit: `row`, `day`, `label`,
 * `score`, `champion`, `baseline`, and `version_<n>` of each anchor. For multiclass `label` is the
 * class and a score is the list of probabilities in the order of `classes`. Equal predictions give
 * equal bytes.
 */
export async function writePredictions(
  sql: PlatformSql,
  path: string,
  predictions: Predictions,
): Promise<void> {
  const { rows, dayOfRow, classes, score, champion, baseline, anchors } = predictions;
  const versions = Object.entries(anchors);
  const [labelType, scoreType] = classes === undefined ? [DOUBLE, DOUBLE] : [VARCHAR, LIST(DOUBLE)];
  await sql.run(
    `CREATE OR REPLACE TABLE predictions ("row" BIGINT, "day" VARCHAR, label ${labelType.toString()}, ${[
      'score',
      'champion',
      'baseline',
      ...versions.map(([version]) => `version_${Number(version)}`),
    ]
      .map((name) => `${name} ${scoreType.toString()}`)
      .join(', ')})`,
  );
  const appender = await sql.connection.createAppender('predictions');
  const count = rows.labels.length;
  try {
    for (let from = 0; from < count; from += chunkRows) {
      const until = Math.min(count, from + chunkRows);
      const part = (scored: ScoredRows | null): DuckDBValue[] => {
        if (scored === null) return new Array<null>(until - from).fill(null);
        if (classes === undefined) return [...scored.scores.subarray(from, until)];
        const { scores, width = classes.length } = scored;
        return Array.from({ length: until - from }, (_, row) =>
          listValue([
            ...scores.subarray((from + row) * width, (from + row) * width + classes.length),
          ]),
        );
      };
      const labels = rows.labels.subarray(from, until);
      const chunk = DuckDBDataChunk.create(
        [
          BIGINT,
          VARCHAR,
          labelType,
          scoreType,
          scoreType,
          scoreType,
          ...versions.map(() => scoreType),
        ],
        until - from,
      );
      chunk.setColumns([
        [...rows.row.subarray(from, until)],
        dayOfRow === null
          ? new Array<null>(until - from).fill(null)
          : Array.from(dayOfRow.subarray(from, until), formatDay),
        classes === undefined ? [...labels] : Array.from(labels, (label) => classes[label] ?? null),
        part(score),
        part(champion),
        part(baseline),
        ...versions.map(([, scored]) => part(scored)),
      ]);
      appender.appendDataChunk(chunk);
      await setImmediate();
    }
    appender.flushSync();
  } finally {
    appender.closeSync();
  }
  await sql.run(
    `COPY (FROM predictions ORDER BY "row") TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd)`,
  );
}
