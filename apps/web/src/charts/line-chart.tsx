import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface ChartLine {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** Which of the six colours of the style sheet. */
  readonly color: number;
  readonly dashed?: boolean;
  readonly faint?: boolean;
}

/**
 * A long series as a picture, with a table for those who cannot see it. `between` fills the space
 * between two lines.
 */
export function LineChart({
  label,
  x,
  lines,
  between,
  isTime = false,
  height = 240,
}: {
  readonly label: string;
  /** Values on the x axis; seconds since 1970 if `isTime`. */
  readonly x: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly between?: readonly [upper: number, lower: number];
  readonly isTime?: boolean;
  readonly height?: number;
}) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const scheme = useColorScheme();
  const shape = JSON.stringify([lines.map((line) => [line.label, line.color]), between, scheme]);
  const data = [[...x], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData;
  const newest = useRef(data);
  newest.current = data;

  useEffect(() => {
    const node = place.current;
    if (node === null) return;
    const style = getComputedStyle(node);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour('--quiet'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { stroke: colour('--line'), width: 1 },
    };
    const plot = new uPlot(
      {
        width: node.clientWidth,
        height,
        scales: { x: { time: isTime } },
        axes: [axis, { ...axis, size: 64 }],
        legend: { live: true },
        cursor: { drag: { x: true, y: false } },
        series: [
          {},
          ...lines.map(({ label: name, color, dashed = false, faint = false }) => ({
            label: name,
            stroke: colour(`--chart-${color}`),
            width: faint ? 1 : 2,
            points: { show: x.length < 30 },
            spanGaps: true,
            ...(dashed ? { dash: [6, 4] } : {}),
          })),
        ],
        ...(between
          ? { bands: [{ series: [...between] as [number, number], fill: colour('--band') }] }
          : {}),
      },
      newest.current,
      node,
    );
    chart.current = plot;
    const resized = new ResizeObserver(() => plot.setSize({ width: node.clientWidth, height }));
    resized.observe(node);
    return () => {
      resized.disconnect();
      plot.destroy();
      chart.current = null;
    };
    // A new number of lines, or other colours, need a new chart; new values do not.
  }, [shape, height, isTime]);

  useEffect(() => {
    chart.current?.setData(newest.current);
  });

  return (
    <figure className="chart">
      <figcaption>{label}</figcaption>
      <div ref={place} role="img" aria-label={label} />
      <details>
        <summary>As a table</summary>
        <ChartTable label={label} x={x} lines={lines} isTime={isTime} />
      </details>
    </figure>
  );
}

const maxRows = 200;

function ChartTable({
  label,
  x,
  lines,
  isTime,
}: {
  readonly label: string;
  readonly x: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly isTime: boolean;
}) {
  const from = Math.max(0, x.length - maxRows);
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={`${label}, as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">{isTime ? 'Time' : 'Step'}</th>
            {lines.map((line) => (
              <th key={line.label} scope="col">
                {line.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {x.slice(from).map((at, index) => (
            <tr key={at}>
              <td>{isTime ? new Date(at * 1000).toISOString() : at}</td>
              {lines.map(({ label: name, values }) => (
                <td key={name}>{values[from + index]?.toPrecision(4) ?? '—'}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function useColorScheme(): 'dark' | 'light' {
  const [isDark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const listen = (): void => setDark(query.matches);
    query.addEventListener('change', listen);
    return () => query.removeEventListener('change', listen);
  }, []);
  return isDark ? 'dark' : 'light';
}
