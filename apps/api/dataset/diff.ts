import type { ColumnStatistics, DatasetStatistics } from '../../../domain/dataset/statistics';
import type { DatasetVersionRecord } from '../../../db/dataset/records';

export interface DatasetDiff {
  readonly dataset: string;
  readonly from: number;
  readonly to: number;
  readonly same: boolean;
  readonly rows: { readonly from: number; readonly to: number };
  readonly added: readonly { readonly name: string; readonly type: string }[];
  readonly removed: readonly { readonly name: string; readonly type: string }[];
  readonly retyped: readonly {
    readonly name: string;
    readonly from: string;
    readonly to: string;
  }[];
  readonly statistics: readonly StatisticDiff[];
  readonly comparable: boolean;
}

interface StatisticDiff {
  readonly column: string;
  readonly statistic: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** Compares two versions by the registry's schema, row counts and statistics. It reads no rows. */
export function diffDatasets(from: DatasetVersionRecord, to: DatasetVersionRecord): DatasetDiff {
  const typeIn = (version: DatasetVersionRecord, name: string) =>
    version.columns.find((column) => column.name === name)?.type;
  const statistics = [from, to].map((version) => version.statistics as DatasetStatistics | null);
  return {
    dataset: to.dataset,
    from: from.version,
    to: to.version,
    same: from.manifest.digest === to.manifest.digest,
    rows: { from: from.rows, to: to.rows },
    added: to.columns.filter(({ name }) => typeIn(from, name) === undefined),
    removed: from.columns.filter(({ name }) => typeIn(to, name) === undefined),
    retyped: to.columns.flatMap(({ name, type }) => {
      const before = typeIn(from, name);
      return before === undefined || before === type ? [] : [{ name, from: before, to: type }];
    }),
    statistics: statisticDiffs(statistics[0]?.columns ?? [], statistics[1]?.columns ?? []),
    comparable: statistics.every((each) => each !== null),
  };
}

function statisticDiffs(
  before: readonly ColumnStatistics[],
  after: readonly ColumnStatistics[],
): readonly StatisticDiff[] {
  return after.flatMap((column) => {
    const earlier = before.find(({ name, type }) => name === column.name && type === column.type);
    if (!earlier) return [];
    const [was, is] = [flat(earlier), flat(column)];
    return Object.keys(is)
      .filter((statistic) => was[statistic] !== is[statistic])
      .map((statistic) => ({
        column: column.name,
        statistic,
        from: was[statistic] ?? null,
        to: is[statistic] ?? null,
      }));
  });
}

/** Flattens statistics to comparable values, such as `quantiles.0.5` and `mean`. */
function flat(column: ColumnStatistics): Readonly<Record<string, unknown>> {
  const pairs = Object.entries(column).flatMap(
    ([key, value]: [string, unknown]): (readonly [string, unknown])[] => {
      if (key === 'name' || key === 'type') return [];
      if (typeof value !== 'object' || value === null) return [[key, value]];
      return Object.entries(value).map(([inner, each]: [string, unknown]) => [
        `${key}.${inner}`,
        each,
      ]);
    },
  );
  return Object.fromEntries(pairs);
}
