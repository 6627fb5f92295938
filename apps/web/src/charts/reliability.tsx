import { figure, percent } from '../parts/format';
import { Table } from '../parts/table';

interface Bin {
  readonly rows: number;
  readonly score: number;
  readonly share: number;
}

export interface ReliabilityCurve {
  readonly name: string;
  readonly bins: readonly Bin[];
}

const [side, edge] = [260, 30];
const place = (share: number): number => edge + share * (side - 2 * edge);
const mostColours = 6;

/** The share of agreeing labels by score. A calibrated model lies on the diagonal. */
export function Reliability({
  label,
  curves,
}: {
  readonly label: string;
  readonly curves: readonly ReliabilityCurve[];
}) {
  const largest = Math.max(1, ...curves.flatMap(({ bins }) => bins.map(({ rows }) => rows)));
  return (
    <figure className="chart reliability">
      <figcaption>{label}</figcaption>
      <svg
        viewBox={`0 0 ${side} ${side}`}
        role="img"
        aria-label={`${label}; the table has the figures`}
      >
        {[0, 0.5, 1].map((share) => (
          <g key={share} className="grid">
            <line x1={place(0)} x2={place(1)} y1={side - place(share)} y2={side - place(share)} />
            <line x1={place(share)} x2={place(share)} y1={side - place(0)} y2={side - place(1)} />
            <text x={place(share)} y={side - edge + 14} textAnchor="middle">
              {share}
            </text>
            <text x={edge - 5} y={side - place(share) + 4} textAnchor="end">
              {share}
            </text>
          </g>
        ))}
        <line
          className="ideal"
          x1={place(0)}
          y1={side - place(0)}
          x2={place(1)}
          y2={side - place(1)}
        />
        {curves.map(({ name, bins }, index) => (
          <g key={name} className={`curve chart-${(index % mostColours) + 1}`}>
            <polyline
              points={bins
                .map(({ score, share }) => `${place(score)},${side - place(share)}`)
                .join(' ')}
            />
            {bins.map(({ rows, score, share }) => (
              <circle
                key={score}
                cx={place(score)}
                cy={side - place(share)}
                r={2 + 3 * Math.sqrt(rows / largest)}
              />
            ))}
          </g>
        ))}
      </svg>
      <ul className="legend">
        {curves.map(({ name }, index) => (
          <li key={name} className={`chart-${(index % mostColours) + 1}`}>
            {name}
          </li>
        ))}
        <li className="ideal">perfectly calibrated</li>
      </ul>
      <details>
        <summary>As a table</summary>
        <Table
          caption={label}
          head={['Version', 'Rows', 'Mean score', 'Share of labels']}
          rows={curves.flatMap(({ name, bins }) =>
            bins.map(({ rows, score, share }) => ({
              key: `${name} ${score}`,
              cells: [name, figure(rows), figure(score), percent(share)],
            })),
          )}
        />
      </details>
    </figure>
  );
}
