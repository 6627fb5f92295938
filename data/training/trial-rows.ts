import type { FeatureColumn, Task } from '../../domain/model/model';
import { missingText } from '../../domain/model/model';
import { withDuckDb } from '../sql/platform-sql';

export const trialFeatures: readonly FeatureColumn[] = [
  { name: 'hour', type: 'float' },
  { name: 'amount', type: 'float' },
  { name: 'gaps', type: 'float' },
  { name: 'kind', type: 'string' },
  { name: 'code', type: 'string' },
];
export const trialLabel = '__label';
/** Classes of the multiclass task. */
export const trialClasses: readonly string[] = ['low', 'middle', 'high'];

/** SQL of the label by task, from SQL of a probability. */
const labels: Readonly<Record<Task, (chance: string) => string>> = {
  classification: (chance) => `(hash(i, 'label') % 1000 / 1000.0 < ${chance})::DOUBLE`,
  multiclass: (chance) =>
    `floor(least(2.999, greatest(0, ${trialClasses.length} * (${chance} + (hash(i, 'label') % 1000 / 1000.0 - 0.5) / 4))))::DOUBLE`,
  regression: (chance) => `200 * ${chance} + hash(i, 'noise') % 10`,
};

export interface TrialRows {
  readonly task: Task;
  readonly rows: number;
  /** Number of the first row; parts with disjoint ranges share no row. */
  readonly first: number;
  /** Adds text and missing values that the other parts do not have. */
  readonly odd: boolean;
}

/**
 * Writes rows in the form of assembled rows, the same each time. The label depends on the hour, a
 * column with gaps and a text column, with noise.
 */
export async function writeTrialRows(
  path: string,
  { task, rows, first, odd }: TrialRows,
): Promise<void> {
  const chance = `1 / (1 + exp(-(0.2 * (hour - 12) + 0.05 * (coalesce(gaps, 20) - 20) + CASE kind WHEN 'b' THEN 1.5 ELSE 0 END - 0.5)))`;
  const label = labels[task](chance);
  const addUnseen = (column: string, value: string): string =>
    odd ? `CASE WHEN i % 10 = 0 THEN ${value} ELSE ${column} END` : column;
  await withDuckDb(
    (duck) =>
      duck.run(`
        COPY (
          SELECT ${addUnseen('hour', `'nan'::DOUBLE`)} AS hour, amount, coalesce(gaps, 'nan'::DOUBLE) AS gaps, ${addUnseen('kind', `'never seen'`)} AS kind, code,
                 ${label} AS ${trialLabel}
          FROM (
            SELECT i, (hash(i, 'hour') % 24)::DOUBLE AS hour, (hash(i, 'amount') % 100000) / 100.0 AS amount,
                   CASE WHEN hash(i, 'gap') % 10 = 0 THEN NULL ELSE (hash(i, 'gaps') % 4000) / 100.0 END AS gaps,
                   ['a', 'b', 'c', '${missingText}'][(1 + hash(i, 'kind') % 4)::INTEGER] AS kind,
                   'c' || (sqrt(hash(i, 'code') % 90000))::INTEGER AS code
            FROM range(${first}, ${first + rows}) AS r(i)
          ) ORDER BY i
        ) TO '${path.replaceAll(`'`, `''`)}' (FORMAT parquet)`),
    limits,
  );
}

export interface TrialSample {
  readonly columns: Readonly<Record<string, readonly (string | number)[]>>;
  readonly label: Float64Array;
}

export async function readTrialRows(path: string): Promise<TrialSample> {
  const rows = await withDuckDb(
    (duck) =>
      duck.rows<Record<string, string | number>>(
        `SELECT * FROM read_parquet('${path.replaceAll(`'`, `''`)}')`,
      ),
    limits,
  );
  return {
    columns: Object.fromEntries(
      trialFeatures.map(({ name }) => [name, rows.map((row) => row[name] ?? missingText)]),
    ),
    label: Float64Array.from(rows, (row) => Number(row[trialLabel])),
  };
}

const limits = { memoryBytes: 256 << 20, threads: 1 };
