import { figure, percent } from '../parts/format';
import { Empty } from '../parts/states';
import type { ShownDatasetVersion } from './shown';

/** The statistics that the registry keeps of a column (domain/dataset/statistics.ts). */
interface ShownColumn {
  readonly name: string;
  readonly type: string;
  readonly nulls: number;
  readonly distinct: number;
  readonly trues?: number;
  readonly mean?: number | null;
  readonly quantiles?: Readonly<Record<string, number>> | null;
}

interface ShownStatistics {
  readonly rows: number;
  readonly columns: readonly ShownColumn[];
}

/** Each column of both versions: a box from quantile to quantile for numbers, shares for others. */
export function Distributions({
  from,
  to,
}: {
  readonly from: ShownDatasetVersion | undefined;
  readonly to: ShownDatasetVersion | undefined;
}) {
  const [before, after] = [from, to].map(
    (version) => (version?.statistics ?? null) as ShownStatistics | null,
  );
  if (!before || !after)
    return (
      <Empty>
        <p>One of the versions has no statistics.</p>
      </Empty>
    );
  const columns = after.columns
    .flatMap((column) => {
      const earlier = before.columns.find(
        ({ name, type }) => name === column.name && type === column.type,
      );
      return earlier
        ? [{ earlier, column, change: measureChange(earlier, column, before, after) }]
        : [];
    })
    .sort((a, b) => b.change - a.change);
  return (
    <>
      <p className="quiet">
        The columns that changed most come first. Numbers: a box from the quantile 5 % to 95 % with
        the quartiles and the median, once per version. The statistics have no values of text
        columns.
      </p>
      <div className="distributions">
        {columns.map(({ earlier, column }) => (
          <figure key={column.name}>
            <figcaption>
              <b>{column.name}</b> <span className="quiet">{column.type}</span>
            </figcaption>
            {earlier.quantiles && column.quantiles ? (
              <Boxes of={[earlier.quantiles, column.quantiles]} />
            ) : null}
            <p className="quiet">
              {[
                ...(column.mean === undefined
                  ? []
                  : [`mean ${figure(earlier.mean)} → ${figure(column.mean)}`]),
                ...(column.trues === undefined
                  ? []
                  : [
                      `true ${percent((earlier.trues ?? 0) / (before.rows || 1))} → ` +
                        percent(column.trues / (after.rows || 1)),
                    ]),
                `missing ${percent(earlier.nulls / (before.rows || 1))} → ` +
                  percent(column.nulls / (after.rows || 1)),
                `distinct ${figure(earlier.distinct)} → ${figure(column.distinct)}`,
              ].join(' · ')}
            </p>
          </figure>
        ))}
      </div>
    </>
  );
}

const shown = ['0.05', '0.25', '0.5', '0.75', '0.95'];
const [width, row] = [280, 18];

function Boxes({ of }: { readonly of: readonly Readonly<Record<string, number>>[] }) {
  const values = of.map((quantiles) => shown.map((name) => quantiles[name] ?? 0));
  const [low, high] = [Math.min(...values.flat()), Math.max(...values.flat())];
  const x = (value: number): number => 4 + ((value - low) / (high - low || 1)) * (width - 8);
  return (
    <svg viewBox={`0 0 ${width} ${2 * row}`} className="boxes" aria-hidden="true">
      {values.map(([p5 = 0, p25 = 0, p50 = 0, p75 = 0, p95 = 0], index) => {
        const middle = row * index + row / 2;
        return (
          <g key={index} className={index === 0 ? 'before' : 'after'}>
            <line x1={x(p5)} x2={x(p95)} y1={middle} y2={middle} />
            <rect x={x(p25)} y={middle - 5} width={Math.max(1, x(p75) - x(p25))} height={10} />
            <line className="median" x1={x(p50)} x2={x(p50)} y1={middle - 7} y2={middle + 7} />
          </g>
        );
      })}
    </svg>
  );
}

/** How far the quantiles moved, in spans of the earlier version, plus the change of shares. */
function measureChange(
  earlier: ShownColumn,
  column: ShownColumn,
  before: ShownStatistics,
  after: ShownStatistics,
): number {
  const missing = Math.abs(earlier.nulls / (before.rows || 1) - column.nulls / (after.rows || 1));
  const { quantiles: was } = earlier;
  const { quantiles: is } = column;
  if (!was || !is) return missing;
  const span = Math.abs((was['0.95'] ?? 0) - (was['0.05'] ?? 0)) || 1;
  const moved = shown.map((name) => Math.abs((is[name] ?? 0) - (was[name] ?? 0)) / span);
  return missing + moved.reduce((sum, value) => sum + value, 0) / shown.length;
}
