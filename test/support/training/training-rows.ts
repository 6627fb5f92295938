import { DuckDBInstance } from '@duckdb/node-api';
import { join } from 'node:path';
import type { ArtifactRef } from '../../../domain/artifact';
import type { FeatureColumn, Task } from '../../../domain/model/model';
import type { DirectoryArtifacts } from '../directory-artifacts';

export const flightFeatures: readonly FeatureColumn[] = [
  { name: 'hour', type: 'float' },
  { name: 'wind', type: 'float' },
  { name: 'seats', type: 'float' },
  { name: 'carrier', type: 'string' },
  { name: 'tailnum', type: 'string' },
];

/** For the multiclass task. */
export const trainingClasses: readonly string[] = ['early', 'on time', 'late', 'very late'];

/**
 * Rows as assembly writes them: features (some missing), then label, time and day. Late flights
 * depend on hour, wind and carrier.
 */
export async function trainingRows(
  artifacts: Pick<DirectoryArtifacts, 'putFile'>,
  folder: string,
  {
    rows,
    task,
    first = 0,
  }: { readonly rows: number; readonly task: Task; readonly first?: number },
): Promise<ArtifactRef> {
  const path = join(folder, `rows-${task}-${first}-${rows}.parquet`);
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    const chance = `1 / (1 + exp(-(0.15 * (hour - 12) + 0.08 * (coalesce(wind, 10) - 10) + CASE carrier WHEN 'B6' THEN 1.0 ELSE 0 END - 1)))`;
    const labels: Readonly<Record<Task, string>> = {
      classification: `(hash(i, 'label') % 1000 / 1000.0 < ${chance})::DOUBLE`,
      multiclass: `floor(least(3.999, greatest(0, 4 * (${chance} + (hash(i, 'label') % 1000 / 1000.0 - 0.5) / 3))))::DOUBLE`,
      regression: `200 * ${chance} + hash(i, 'noise') % 10`,
    };
    const label = labels[task];
    await connection.run(`
      COPY (
        SELECT hour, coalesce(wind, 'nan'::DOUBLE) AS wind, seats, carrier, tailnum, ${label} AS __label,
               TIMESTAMP '2013-01-01' + to_minutes(i) AS __time, strftime(TIMESTAMP '2013-01-01' + to_minutes(i), '%Y-%m-%d') AS __day, i AS __row
        FROM (
          SELECT i, (hash(i, 'hour') % 24)::DOUBLE AS hour,
                 CASE WHEN hash(i, 'gap') % 10 = 0 THEN NULL ELSE (hash(i, 'wind') % 4000) / 100.0 END AS wind,
                 (50 + hash(i, 'seats') % 300)::DOUBLE AS seats,
                 ['AA', 'B6', 'DL', 'UA', '__missing__'][(1 + hash(i, 'carrier') % 5)::INTEGER] AS carrier,
                 'N' || (sqrt(hash(i, 'tail') % 90000))::INTEGER AS tailnum
          FROM range(${first}, ${first + rows}) AS r(i)
        ) ORDER BY i
      ) TO '${path}' (FORMAT parquet)`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  return artifacts.putFile({
    tenant: 'default',
    path,
    mediaType: 'application/vnd.apache.parquet',
  });
}

/** Feature columns and labels of such rows, in order. */
export async function readRows(
  artifacts: Pick<DirectoryArtifacts, 'toFile'>,
  folder: string,
  ref: ArtifactRef,
) {
  const path = join(folder, `${ref.digest.slice(-16)}.parquet`);
  await artifacts.toFile(ref, path);
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(`SELECT * FROM '${path}' ORDER BY __row`);
    const columns = reader.getColumnsObject();
    const features = Object.fromEntries(
      // A missing number is NaN, as assembly writes it.
      flightFeatures.map(({ name, type }) => [
        name,
        (columns[name] ?? []).map((value) =>
          type === 'float' ? Number(value ?? NaN) : String(value),
        ),
      ]),
    ) as Record<string, number[] | string[]>;
    return { features, labels: Float64Array.from(columns['__label'] ?? [], Number) };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
