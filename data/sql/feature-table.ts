import { rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { FeaturePlan } from './feature-compiler';
import { assertInsideFolder, runInSqlProcess, type SqlLimits } from './sql-process';

export interface FeatureTableRun {
  readonly plan: FeaturePlan;
  /** Parquet of request rows with `__row` in, Parquet of features out; in one private folder. */
  readonly tables: readonly { readonly requestRows: string; readonly features: string }[];
  /** Columns that are copied beside the features, `__row` first. */
  readonly carried: readonly string[];
  readonly limits: SqlLimits;
  readonly signal?: AbortSignal;
}

/**
 * Runs `features.sql` for training: the gateway's query over Parquet, in order of `__row`.
 * @throws like `runUserSql`
 */
export async function writeFeatureTables(run: FeatureTableRun): Promise<void> {
  const outputs = run.tables.map((table) => table.features);
  const directory = dirname(resolve(outputs[0] ?? '.'));
  assertInsideFolder(directory, [...outputs, ...run.tables.map((table) => table.requestRows)]);
  const partial = (path: string): string => `${path}.partial`;
  try {
    await runInSqlProcess({
      task: {
        kind: 'features',
        plan: run.plan,
        carried: run.carried,
        tables: run.tables.map(({ requestRows, features }) => ({
          requestRows,
          features: partial(features),
        })),
      },
      text: run.plan.text,
      directory,
      limits: run.limits,
      signal: run.signal,
    });
    for (const path of outputs) await rename(partial(path), path);
  } finally {
    for (const path of outputs) await rm(partial(path), { force: true });
  }
}
