import { figure, seconds, usd } from '../parts/format';
import { Table } from '../parts/table';

export interface ParetoPoint {
  readonly id: string;
  readonly name: string;
  readonly quality: number;
  readonly costUsd: number | null;
  readonly latencyMs: number;
  /** The variant that was chosen. */
  readonly isChosen: boolean;
}

const [width, height] = [420, 260];
const edge = { left: 44, right: 14, top: 12, bottom: 34 };

/**
 * Variants that no other one beats in quality, cost and latency at the same time: quality by cost,
 * and latency as the size of the circle.
 */
export function Pareto({
  label,
  points,
}: {
  readonly label: string;
  readonly points: readonly ParetoPoint[];
}) {
  const priced = points.filter(({ costUsd }) => costUsd !== null);
  // Local models cost nothing, and then latency is the price.
  const byCost = priced.some(({ costUsd }) => (costUsd ?? 0) > 0);
  const price = (point: ParetoPoint): number =>
    byCost ? (point.costUsd ?? 0) : point.latencyMs / 1000;
  const shown = byCost ? priced : points;
  const x = scale(shown.map(price), edge.left, width - edge.right);
  const y = scale(
    shown.map(({ quality }) => quality),
    height - edge.bottom,
    edge.top,
  );
  const slowest = Math.max(1, ...shown.map(({ latencyMs }) => latencyMs));
  const front = [...shown].sort((a, b) => price(a) - price(b));
  const text = byCost ? usd : seconds;
  return (
    <figure className="chart pareto">
      <figcaption>{label}</figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={`${label}; the table has the figures`}
      >
        {[x.low, x.high].map((value, index) => (
          <text
            key={index}
            x={x.place(value)}
            y={height - 16}
            textAnchor={index === 0 ? 'start' : 'end'}
          >
            {text(value)}
          </text>
        ))}
        <text x={width / 2} y={height - 2} textAnchor="middle">
          {byCost ? 'US dollars per case' : 'median latency'}
        </text>
        {[y.low, y.high].map((value, index) => (
          <text key={index} x={edge.left - 6} y={y.place(value) + 4} textAnchor="end">
            {figure(value)}
          </text>
        ))}
        <polyline
          points={front
            .map((point) => `${x.place(price(point))},${y.place(point.quality)}`)
            .join(' ')}
        />
        {front.map((point) => (
          <circle
            key={point.id}
            className={point.isChosen ? 'chosen' : ''}
            cx={x.place(price(point))}
            cy={y.place(point.quality)}
            r={4 + (byCost ? 6 * Math.sqrt(point.latencyMs / slowest) : 0)}
          >
            <title>{point.name}</title>
          </circle>
        ))}
      </svg>
      <Table
        caption={label}
        head={['Variant', 'Quality', 'Cost per case', 'Median latency']}
        rows={[...points]
          .sort((a, b) => b.quality - a.quality)
          .map(({ id, name, quality, costUsd, latencyMs, isChosen }) => ({
            key: id,
            cells: [
              <span key="name">
                <bdi>{name}</bdi> {isChosen ? <span className="badge good">chosen</span> : null}
              </span>,
              figure(quality),
              usd(costUsd),
              seconds(latencyMs / 1000),
            ],
          }))}
      />
    </figure>
  );
}

function scale(values: readonly number[], from: number, to: number) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low || 1;
  const inner = (to - from) * 0.08;
  const place = (value: number): number =>
    from + inner + ((value - low) / span) * (to - from - 2 * inner);
  return { low, high, place };
}
