/** Computes the features of request rows as training does, and row by row where that fails. */
import { rowColumn } from '../../domain/training/assembled';
import { isPerennialError } from '../../domain/failure';
import { streamChunks } from '../evaluation/parquet-chunks';
import type { FeatureValues } from '../onnx/session';
import type { Scratch } from '../scratch';
import { openFeatureRunner, type FeatureRunner } from '../sql/feature-runner';
import { streamFeatures } from './feature-stream';
import { quoteName, readParquet, type PlatformSql } from '../sql/platform-sql';
import type { BatchPlan } from './plan';

export interface FeatureBatchRows {
  /** Numbers of the rows, in the order of the columns. */
  readonly rows: readonly bigint[];
  readonly columns: Readonly<Record<string, FeatureValues>>;
  /** Numbers of rows for which `features.sql` fails. */
  readonly failed: readonly bigint[];
}

export interface FeatureWork {
  readonly plan: BatchPlan;
  /** Parquet of the request columns with `__row`. */
  readonly requestRows: string;
  readonly scratch: Scratch;
  readonly signal: AbortSignal;
}

/** Limit of the features of one chunk. */
const seconds = 600;

/**
 * One failing row fails the whole statement. The rows that are left are then computed by the runner
 * of the gateway, which finds the failing ones.
 */
export async function* featureBatches(
  sql: PlatformSql,
  work: FeatureWork,
): AsyncGenerator<FeatureBatchRows> {
  const { plan, requestRows, scratch, signal } = work;
  const names = plan.features.features.map(({ name }) => name);
  const stream = { plan: plan.features, requestRows, directory: scratch.folder, signal, seconds };
  let last = -1n;
  try {
    for await (const { rows, columns } of streamFeatures(stream)) {
      if ((rows[0] ?? last) < last) throw new Error('features came in another order than rows');
      last = rows.at(-1) ?? last;
      const values = names.map((name, i) => [name, columns[i] ?? []] as const);
      yield { rows, columns: Object.fromEntries(values), failed: [] };
    }
  } catch (error) {
    if (!isPerennialError(error) || error.type !== 'SqlInvalid') throw error;
    yield* rowWise(sql, work, last);
  }
}

/** Rows that the runner gets at once, and the time in which it must compute them. */
const runnerRows = 512;
const deadlineMs = 60_000;

type RequestRecord = Readonly<Record<string, unknown>>;

/** The rows after `last`. */
async function* rowWise(
  sql: PlatformSql,
  { plan, requestRows, signal }: FeatureWork,
  last: bigint,
): AsyncGenerator<FeatureBatchRows> {
  const runner = await openFeatureRunner(plan.features);
  try {
    const values = plan.read.map(({ name, type }) =>
      type === 'timestamp'
        ? `strftime(${quoteName(name)}, '%Y-%m-%dT%H:%M:%S.%fZ')`
        : quoteName(name),
    );
    const query = `SELECT ${[rowColumn, ...values].join(', ')} FROM ${readParquet([requestRows])} WHERE ${rowColumn} > ${last}`;
    for await (const [numbers = [], ...columns] of streamChunks(sql, query)) {
      const records = numbers.map((number, place) => ({
        number: number as bigint,
        row: Object.fromEntries(
          plan.read.map(({ name }, i) => [name, columns[i]?.[place] ?? null]),
        ),
      }));
      for (let from = 0; from < records.length; from += runnerRows) {
        signal.throwIfAborted();
        yield* computeFeatures(runner, plan, records.slice(from, from + runnerRows));
      }
    }
  } finally {
    runner.close();
  }
}

/** Halves the rows until the failing ones are alone. */
async function* computeFeatures(
  runner: FeatureRunner,
  plan: BatchPlan,
  records: readonly { readonly number: bigint; readonly row: RequestRecord }[],
): AsyncGenerator<FeatureBatchRows> {
  const rows = records.map(({ number }) => number);
  try {
    const columns = await runner.run(
      records.map(({ row }) => row),
      { deadlineMs },
    );
    yield { rows, columns, failed: [] };
  } catch (error) {
    if (!isPerennialError(error) || error.type !== 'SqlInvalid') throw error;
    if (records.length === 1) {
      const none = Object.fromEntries(plan.graphInputs.map(({ name }) => [name, []]));
      yield { rows: [], columns: none, failed: rows };
      return;
    }
    const middle = Math.ceil(records.length / 2);
    yield* computeFeatures(runner, plan, records.slice(0, middle));
    yield* computeFeatures(runner, plan, records.slice(middle));
  }
}
