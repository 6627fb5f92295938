import { rowColumn } from '../../domain/training/assembled';
import { failure } from '../../domain/failure';
import type { OnnxModel, FeatureValues } from '../onnx/session';
import { quoteName, readParquet, type PlatformSql } from '../sql/platform-sql';
import { columnNames } from './holdout-rows';
import { streamChunks } from './parquet-chunks';

/**
 * Scores of every row of a features file in order of `__row`; for multiclass, all classes per row.
 */
export async function scoreRows(
  sql: PlatformSql,
  file: string,
  model: OnnxModel,
  rows: number,
): Promise<Float64Array> {
  const names = model.inputs.map(({ name }) => name);
  const there = await columnNames(sql, file);
  const lacking = names.filter((name) => !there.includes(name));
  if (lacking.length > 0)
    throw failure(
      'InvalidInput',
      `the rows lack ${lacking.map((name) => `\`${name}\``).join(', ')}, which the model needs`,
    );
  const scores = new Float64Array(rows * model.width);
  let at = 0;
  for await (const columns of streamChunks(
    sql,
    `SELECT ${names.map(quoteName).join(', ')} FROM ${readParquet([file])} ORDER BY ${rowColumn}`,
  )) {
    const count = columns[0]?.length ?? 0;
    if (at + count > rows)
      throw failure(
        'DataUnreadable',
        `the features file has more than ${rows} rows, but ${rows} rows were assembled`,
      );
    const values = Object.fromEntries(
      names.map((name, index) => [name, columns[index] as FeatureValues]),
    );
    scores.set(await model.predict(values, count), at * model.width);
    at += count;
  }
  if (at !== rows)
    throw failure(
      'DataUnreadable',
      `the features file has ${at} rows, but ${rows} rows were assembled`,
    );
  return scores;
}
