import type { LiveRun } from '../api/live-state';
import { LineChart } from '../charts/line-chart';

/** One chart for each metric. Its jobs, such as folds or the baseline, are lines of that chart. */
export function Curves({ curves }: { readonly curves: LiveRun['curves'] }) {
  const byMetric = new Map<string, [string, readonly (readonly [number, number])[]][]>();
  for (const [name, points] of curves) {
    const metric = name.replace(/ \(.*$/, '');
    const lines = byMetric.get(metric) ?? [];
    byMetric.set(metric, [...lines, [name, points]]);
  }
  if (byMetric.size === 0)
    return <p className="quiet">No job of this run has reported a metric.</p>;
  return (
    <>
      {[...byMetric].map(([metric, lines]) => {
        const steps = [
          ...new Set(lines.flatMap(([, points]) => points.map(([step]) => step))),
        ].sort((a, b) => a - b);
        return (
          <LineChart
            key={metric}
            label={`${metric} by step`}
            x={steps}
            lines={lines.slice(0, 6).map(([label, points], index) => {
              const at = new Map(points);
              return { label, color: index + 1, values: steps.map((step) => at.get(step) ?? null) };
            })}
          />
        );
      })}
      <p className="quiet">
        A job reports its newest values at most every two seconds. The chart has what it reported.
      </p>
    </>
  );
}
