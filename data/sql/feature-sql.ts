import { rowColumn } from '../../domain/training/assembled';
import type { Column } from '../../domain/dataset/dataset';
import { missingText } from '../../domain/model/model';
import { quoteName, quoteText } from './platform-sql';
import { checkInSqlProcess } from './sql-checker';
import type { FeaturePlan } from './feature-compiler';

/**
 * The query that training runs over Parquet and the gateway over parameters. `source` is a SELECT
 * that returns `requestColumns` in their DuckDB types and a BIGINT `__row`. The result has `__row`
 * and the features, DOUBLE or VARCHAR, never null, in no order.
 */
export function featureQuery(plan: FeaturePlan, source: string): string {
  const columns = [rowColumn, ...plan.requestColumns.map(selectReceived)];
  return `WITH received AS (${source}), request AS (SELECT ${columns.join(', ')} FROM received) ${plan.select}`;
}

/**
 * Turns the request's marks for missing values into NULL, so that `coalesce` works on both paths.
 */
function selectReceived(column: Column): string {
  const name = quoteName(column.name);
  if (column.type === 'number') return `nullif(${name}, 'NaN'::DOUBLE) AS ${name}`;
  if (column.type === 'string') return `nullif(${name}, ${quoteText(missingText)}) AS ${name}`;
  return name;
}

export interface FeatureSource {
  readonly sql: string;
  readonly request: readonly Column[];
  /** Path in the lifecycle. */
  readonly file?: string;
  /** Columns that training has but requests do not (the label), with the reason. */
  readonly withheld?: Readonly<Record<string, string>>;
}

/**
 * Checks that the SQL is one row-wise, repeatable SELECT FROM request and compiles it in a separate
 * process.
 * @throws SqlInvalid, SqlForbidden, SqlTimeout, SqlOutOfMemory, with the place if known
 */
export function compileFeatureSql({
  sql,
  request,
  file = 'features.sql',
  withheld = {},
}: FeatureSource): Promise<FeaturePlan> {
  return checkInSqlProcess({ kind: 'compileFeatures', text: { sql, file }, request, withheld });
}
