import {
  BIGINT,
  DuckDBInstance,
  LIST,
  type DuckDBConnection,
  type DuckDBPreparedStatement,
} from '@duckdb/node-api';
import { rowColumn } from '../../domain/training/assembled';
import { failure } from '../../domain/failure';
import { raceDeadline } from '../timeout';
import { finishedValue, type FeaturePlan } from './feature-compiler';
import { lockDownDatabase } from './lock-down';
import { quoteName } from './platform-sql';
import { columnValues, parameterTypes } from './request-values';
import { fromDuckDb, sqlFailure } from './sql-errors';

export type FeatureColumns = Record<string, (string | number)[]>;

/**
 * `features.sql`, ready to run on request rows many times per second. Owns a database; close it.
 */
export interface FeatureRunner {
  /**
   * Feature columns in the order of `rows`. One row of a wrong type (InvalidInput) or a failing one
   * (SqlInvalid) fails the whole batch, so a caller with several requests runs them one by one
   * then. SqlTimeout after `deadlineMs`, including the wait for earlier batches.
   */
  run(
    rows: readonly Readonly<Record<string, unknown>>[],
    options: { readonly deadlineMs: number },
  ): Promise<FeatureColumns>;
  close(): void;
}

/** A batch has a deadline, so it needs little memory. */
const memoryLimit = '256MB';

export async function openFeatureRunner(plan: FeaturePlan): Promise<FeatureRunner> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: memoryLimit,
    temp_directory: '',
  });
  const connection = await instance.connect();
  await lockDownDatabase(connection, null);
  const statement = await connection.prepare(
    `WITH request AS (${parametersAsRows(plan)}) ${plan.selectOfRows}`,
  );
  let closed = false;
  let last: Promise<unknown> = Promise.resolve();

  return {
    run(rows, { deadlineMs }) {
      if (closed)
        return Promise.reject(failure('GatewayUnavailable', 'the feature runner is closed'));
      const abandoned = new AbortController();
      // One statement at a time, so that an interrupt stops the right one.
      const mine = last.then(() =>
        runBatch({ plan, connection, statement, rows, abandoned: abandoned.signal }),
      );
      last = mine.catch(() => undefined);
      // DuckDB checks for an interrupt only between vectors of up to 2,048 rows; the caller's
      // timeout does not wait for that.
      return raceDeadline(deadlineMs, mine, () => {
        abandoned.abort();
        throw sqlFailure(
          'SqlTimeout',
          plan.text,
          null,
          `the features were not computed within ${deadlineMs} ms`,
        );
      });
    },
    close() {
      closed = true;
      void last.then(() => {
        statement.destroySync();
        connection.closeSync();
        instance.closeSync();
      });
    },
  };
}

/**
 * Passes each column as a typed list. With the casts, DuckDB keeps its plan between runs, which
 * takes half the time of rows as JSON, and keeps 64-bit integers and NaN exact.
 */
function parametersAsRows(plan: FeaturePlan): string {
  const lists = plan.requestColumns.map(
    ({ name, type }, i) =>
      `unnest($${i + 2}::${parameterTypes[type].duckDb.toString()}[]) AS ${quoteName(name)}`,
  );
  const columns = plan.requestColumns.map(
    ({ name, type }) => `${parameterTypes[type].read(quoteName(name))} AS ${quoteName(name)}`,
  );
  return `SELECT ${[rowColumn, ...columns].join(', ')} FROM (SELECT ${[`unnest($1::BIGINT[]) AS ${rowColumn}`, ...lists].join(', ')})`;
}

interface FeatureBatch {
  readonly plan: FeaturePlan;
  readonly connection: DuckDBConnection;
  readonly statement: DuckDBPreparedStatement;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly abandoned: AbortSignal;
}

async function runBatch({
  plan,
  connection,
  statement,
  rows,
  abandoned,
}: FeatureBatch): Promise<FeatureColumns> {
  abandoned.throwIfAborted();
  statement.bindList(
    1,
    rows.map((_, i) => BigInt(i)),
    LIST(BIGINT),
  );
  plan.requestColumns.forEach((column, i) =>
    statement.bindList(i + 2, columnValues(column, rows), LIST(parameterTypes[column.type].duckDb)),
  );
  const interrupt = (): void => connection.interrupt();
  abandoned.addEventListener('abort', interrupt, { once: true });
  try {
    return byRow(plan, rows.length, await statement.run());
  } catch (error) {
    throw fromDuckDb(error, plan.text, 'run', { linesBefore: null });
  } finally {
    abandoned.removeEventListener('abort', interrupt);
  }
}

type Result = Awaited<ReturnType<DuckDBPreparedStatement['run']>>;

/** The chunks are in memory already, and fetching them by promises takes as long as the query. */
function byRow(plan: FeaturePlan, count: number, result: Result): FeatureColumns {
  const columns = plan.features.map(() => new Array<string | number>(count));
  let seen = 0;
  for (let index = 0; index < result.chunkCount; index += 1) {
    const chunk = result.getChunk(index);
    const places = chunk.getColumnValues(0) as readonly bigint[];
    seen += places.length;
    plan.features.forEach(({ type }, i) => {
      const column = columns[i] ?? [];
      const values = chunk.getColumnValues(i + 1);
      values.forEach((value, k) => (column[Number(places[k])] = finishedValue(type, value)));
    });
  }
  if (seen !== count) throw new Error(`features of ${seen} rows for ${count} rows`);
  return Object.fromEntries(plan.features.map((feature, i) => [feature.name, columns[i] ?? []]));
}
