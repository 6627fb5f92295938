import { useEffect, useMemo, useRef } from 'react';
import type { ShownTrial } from '../run/shown';

interface Axis {
  readonly name: string;
  /** Height from 0 at the bottom to 1 at the top. */
  readonly findHeight: (trial: ShownTrial) => number;
  readonly low: string;
  readonly high: string;
}

const [height, edge] = [260, 36];
/** Lines drawn in one frame, so that thousands of trials never block the page. */
const atOnce = 200;

/** A line for each trial across its parameters and its metric; the best tenth stands out. */
export function ParallelCoordinates({
  trials,
  isSmaller,
}: {
  readonly trials: readonly ShownTrial[];
  readonly isSmaller: boolean;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const axes = useMemo(() => buildAxes(trials), [trials]);
  const summary = `Parameters of ${trials.length} trials: ${axes
    .map(({ name, low, high }) => `${name} from ${low} to ${high}`)
    .join(', ')}`;
  useEffect(() => {
    const node = canvas.current;
    if (node === null) return;
    let frame = 0;
    const draw = (): void => {
      cancelAnimationFrame(frame);
      const [width, ratio] = [node.clientWidth, devicePixelRatio || 1];
      node.width = width * ratio;
      node.height = height * ratio;
      const context = node.getContext('2d');
      if (context === null) return;
      context.scale(ratio, ratio);
      const style = getComputedStyle(node);
      const colour = (name: string): string => style.getPropertyValue(name).trim();
      // Each look at the style may make the browser compute it again.
      const [line, best, other] = [colour('--line'), colour('--chart-1'), colour('--faint')];
      const x = (index: number): number =>
        edge + (index * (width - 2 * edge)) / Math.max(1, axes.length - 1);
      const y = (share: number): number => height - edge - share * (height - 2 * edge);
      context.strokeStyle = line;
      axes.forEach((_, index) => {
        context.beginPath();
        context.moveTo(x(index), y(0));
        context.lineTo(x(index), y(1));
        context.stroke();
      });
      const sorted = [...trials].sort((a, b) =>
        isSmaller ? (b.value ?? 0) - (a.value ?? 0) : (a.value ?? 0) - (b.value ?? 0),
      );
      const bestFrom = Math.floor(sorted.length * 0.9);
      const piece = (from: number): void => {
        for (let at = from; at < Math.min(from + atOnce, sorted.length); at += 1) {
          const trial = sorted[at];
          if (trial === undefined) continue;
          context.strokeStyle = at >= bestFrom ? best : other;
          context.globalAlpha = at >= bestFrom ? 0.8 : 0.25;
          context.beginPath();
          axes.forEach((axis, index) => {
            const point = [x(index), y(axis.findHeight(trial))] as const;
            if (index === 0) context.moveTo(...point);
            else context.lineTo(...point);
          });
          context.stroke();
        }
        if (from + atOnce < sorted.length)
          frame = requestAnimationFrame(() => piece(from + atOnce));
      };
      frame = requestAnimationFrame(() => piece(0));
    };
    const resized = new ResizeObserver(draw);
    resized.observe(node);
    return () => {
      cancelAnimationFrame(frame);
      resized.disconnect();
    };
  }, [trials, axes, isSmaller]);
  return (
    <figure className="chart">
      <figcaption>Parameters of the complete trials; the best tenth stands out</figcaption>
      <canvas ref={canvas} className="parallel" role="img" aria-label={summary} />
      <div className="axes">
        {axes.map(({ name, low, high }) => (
          <span key={name}>
            <b>{name}</b>
            <br />
            {low} … {high}
          </span>
        ))}
      </div>
    </figure>
  );
}

function buildAxes(trials: readonly ShownTrial[]): readonly Axis[] {
  const names = [...new Set(trials.flatMap(({ params }) => Object.keys(params)))].slice(0, 9);
  const metric = trials[0]?.metric ?? 'value';
  return [
    ...names.map((name) => buildAxis(name, trials, ({ params }) => params[name])),
    buildAxis(metric, trials, ({ value }) => value ?? undefined),
  ];
}

function buildAxis(
  name: string,
  trials: readonly ShownTrial[],
  valueOf: (trial: ShownTrial) => string | number | boolean | undefined,
): Axis {
  const values = trials.flatMap((trial) => valueOf(trial) ?? []);
  if (values.every((value) => typeof value === 'number')) {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    // A range of more than two powers of ten was most likely searched by its logarithm.
    const isLog = low > 0 && high / low > 100;
    const scale = (value: number): number => (isLog ? Math.log(value) : value);
    const span = scale(high) - scale(low) || 1;
    return {
      name,
      low: low.toPrecision(3),
      high: high.toPrecision(3),
      findHeight: (trial) => {
        const value = valueOf(trial);
        return typeof value === 'number' ? (scale(value) - scale(low)) / span : 0;
      },
    };
  }
  const choices = [...new Set(values.map(String))].sort();
  return {
    name,
    low: choices[0] ?? '',
    high: choices.at(-1) ?? '',
    findHeight: (trial) =>
      choices.indexOf(String(valueOf(trial))) / Math.max(1, choices.length - 1),
  };
}
