import { DuckDBInstance } from '@duckdb/node-api';
import { setImmediate } from 'node:timers/promises';
import { rowColumn } from '../../domain/training/assembled';
import type { FeaturePlan } from '../sql/feature-compiler';
import { featureQuery } from '../sql/feature-sql';
import { lockDownDatabase } from '../sql/lock-down';
import { quoteName, readParquet } from '../sql/platform-sql';
import { fromDuckDb, sqlFailure } from '../sql/sql-errors';

export interface FeatureStream {
  readonly plan: FeaturePlan;
  /** Parquet with `__row` and the request columns, within `directory`. */
  readonly requestRows: string;
  /** The only folder that the database can access. */
  readonly directory: string;
  readonly signal: AbortSignal;
  /** Limit of the whole stream. */
  readonly seconds: number;
}

export interface FeatureRows {
  /** `__row` of each row. */
  readonly rows: readonly bigint[];
  /** In the order of `plan.features`. */
  readonly columns: readonly (readonly (string | number)[])[];
}

/** Rows are computed one vector at a time, so the statement needs little memory. */
const memoryLimit = '512MB';

/**
 * Runs the compiled `features.sql` over Parquet in this process, as the gateway runs it over
 * parameters. Rows come in the order of the file.
 * @throws SqlInvalid when a row makes the SQL fail, SqlTimeout after `seconds`
 */
export async function* streamFeatures({
  plan,
  requestRows,
  directory,
  signal,
  seconds,
}: FeatureStream): AsyncGenerator<FeatureRows> {
  signal.throwIfAborted();
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: memoryLimit,
    temp_directory: '',
  });
  const late = AbortSignal.timeout(seconds * 1000);
  const stop = AbortSignal.any([signal, late]);
  const connection = await instance.connect();
  const interrupt = (): void => connection.interrupt();
  stop.addEventListener('abort', interrupt, { once: true });
  try {
    await lockDownDatabase(connection, directory);
    const read = [rowColumn, ...plan.requestColumns.map(({ name }) => quoteName(name))].join(', ');
    const query = featureQuery(plan, `SELECT ${read} FROM ${readParquet([requestRows])}`);
    const result = await connection.stream(query);
    for (;;) {
      stop.throwIfAborted();
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      const [rows = [], ...columns] = chunk.getColumns();
      yield { rows: rows as bigint[], columns: columns as (string | number)[][] };
      await setImmediate();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (late.aborted)
      throw sqlFailure(
        'SqlTimeout',
        plan.text,
        null,
        `the features were not computed within ${seconds} s`,
      );
    throw fromDuckDb(error, plan.text, 'run', { linesBefore: null });
  } finally {
    stop.removeEventListener('abort', interrupt);
    connection.closeSync();
    instance.closeSync();
  }
}
