import { figure } from '../parts/format';

interface Bins {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
  readonly below: number;
  readonly above: number;
}

const [width, height] = [320, 90];

/** Rows by value, all on the scale from `low` to `high`. */
export function Histogram({
  label,
  of: { edges, counts, below, above },
  low,
  high,
}: {
  readonly label: string;
  readonly of: Bins;
  readonly low: number;
  readonly high: number;
}) {
  const most = Math.max(1, ...counts);
  const x = (value: number): number => ((value - low) / (high - low || 1)) * width;
  return (
    <figure className="chart histogram">
      <figcaption>{label}</figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
        {counts.map((count, index) => {
          const [from, to] = [x(edges[index] ?? 0), x(edges[index + 1] ?? 0)];
          const tall = (count / most) * (height - 4);
          return (
            <rect
              key={index}
              x={from}
              y={height - tall}
              width={Math.max(1, to - from - 1)}
              height={tall}
            />
          );
        })}
        {low < 0 && high > 0 ? <line x1={x(0)} x2={x(0)} y1={0} y2={height} /> : null}
      </svg>
      <p className="quiet">
        {figure(edges[0])} … {figure(edges.at(-1))}; {figure(below)} rows below, {figure(above)}{' '}
        above
      </p>
    </figure>
  );
}
