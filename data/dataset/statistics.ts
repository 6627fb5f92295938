import type { Column } from '../../domain/dataset/dataset';
import {
  quantileNames,
  type ColumnStatistics,
  type NumberStatistics,
  type QuantileName,
} from '../../domain/dataset/statistics';
import { quoteName, type PlatformSql } from '../sql/platform-sql';

/**
 * Computes the statistics in one scan of `relation` (SQL that may follow FROM). Its columns must
 * have the DuckDB types of their logical types.
 */
export async function columnStatistics(
  sql: PlatformSql,
  relation: string,
  columns: readonly Column[],
): Promise<readonly ColumnStatistics[]> {
  const measures = columns.flatMap((column, index) =>
    listMeasures(column).map((measure, i) => `${measure} AS "m${index}_${i}"`),
  );
  if (measures.length === 0) return [];
  const row = await sql.one<Record<string, unknown>>(
    `SELECT ${measures.join(', ')} FROM ${relation}`,
  );
  return columns.map((column, index) => readStatistics(column, (i) => row[`m${index}_${i}`]));
}

/** DuckDB's stddev fails when the square of a value exceeds the range of a double. */
const largestSquared = 1e150;

function listMeasures({ name, type }: Column): readonly string[] {
  const column = quoteName(name);
  const common = [`count(*) - count(${column})`, `approx_count_distinct(${column})`];
  switch (type) {
    case 'integer':
    case 'number': {
      const value = `${column}::DOUBLE`;
      const finite = `FILTER (WHERE isfinite(${value}))`;
      return [
        ...common,
        `count(*) FILTER (WHERE isnan(${value}))`,
        `count(*) FILTER (WHERE isinf(${value}))`,
        ...[`min(${value})`, `max(${value})`, `avg(${value})`].map(
          (measure) => `${measure} ${finite}`,
        ),
        `stddev_samp(${value}) FILTER (WHERE abs(${value}) < ${largestSquared})`,
        `approx_quantile(${value}, [${quantileNames.join(', ')}]) ${finite}`,
      ];
    }
    case 'timestamp':
      return [
        ...common,
        ...['min', 'max'].map(
          (end) =>
            `strftime(${end}(${column}) FILTER (WHERE isfinite(${column})), '%Y-%m-%dT%H:%M:%S.%gZ')`,
        ),
      ];
    case 'boolean':
      return [...common, `count(*) FILTER (WHERE ${column})`];
    case 'string':
      return [...common, `min(length(${column}))`, `max(length(${column}))`];
  }
}

function readStatistics(
  { name, type }: Column,
  measure: (index: number) => unknown,
): ColumnStatistics {
  const common = { name, nulls: Number(measure(0)), distinct: Number(measure(1)) };
  switch (type) {
    case 'integer':
    case 'number':
      return { ...common, type, ...readNumbers(measure) };
    case 'timestamp':
      return { ...common, type, min: textOrNull(measure(2)), max: textOrNull(measure(3)) };
    case 'boolean':
      return { ...common, type, trues: Number(measure(2)) };
    case 'string':
      return {
        ...common,
        type,
        shortest: finiteOrNull(measure(2)),
        longest: finiteOrNull(measure(3)),
      };
  }
}

function readNumbers(measure: (index: number) => unknown): NumberStatistics {
  const quantiles = measure(8) as readonly number[] | null;
  const largest = Math.max(
    Math.abs(finiteOrNull(measure(4)) ?? 0),
    Math.abs(finiteOrNull(measure(5)) ?? 0),
  );
  return {
    nans: Number(measure(2)),
    infinities: Number(measure(3)),
    min: finiteOrNull(measure(4)),
    max: finiteOrNull(measure(5)),
    mean: finiteOrNull(measure(6)),
    deviation: largest < largestSquared ? finiteOrNull(measure(7)) : null,
    quantiles:
      quantiles === null
        ? null
        : (Object.fromEntries(
            quantileNames.map((quantile, i) => [quantile, quantiles[i] ?? 0]),
          ) as Record<QuantileName, number>),
  };
}

/** JSON has no infinity, and the mean of very large numbers can be infinite. */
function finiteOrNull(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
