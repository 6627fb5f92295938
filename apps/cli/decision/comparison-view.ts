import { figure, interval } from '../../../domain/format';
import { table } from '../terminal';
import type { RunComparison } from '../../api/run/view';

/** A table with one column per run: differing parameters, metrics and times. */
export function describeComparison({ runs, differingParams }: RunComparison): string {
  const names = (of: (run: (typeof runs)[number]) => object): readonly string[] => [
    ...new Set(runs.flatMap((run) => Object.keys(of(run)))),
  ];
  const rows = [
    ['status', ...runs.map(({ status }) => status)],
    ['version', ...runs.map(({ version }) => (version === null ? '' : `@${version}`))],
    ['verdict', ...runs.map(({ verdict }) => verdict?.kind ?? '')],
    ['trainer', ...runs.map(({ trainer }) => trainer ?? '')],
    ...Object.entries(differingParams).map(([name, values]) => [
      name,
      ...values.map((value) => JSON.stringify(value)),
    ]),
    ...names((run) => run.metrics).map((name) => [
      name,
      ...runs.map(({ metrics }) => metricText(metrics[name])),
    ]),
    ...names((run) => run.seconds).map((name) => [
      `${name}, s`,
      ...runs.map(({ seconds }) => seconds[name]?.toFixed(1) ?? ''),
    ]),
  ];
  return table(['', ...runs.map(({ id }) => id)], rows);
}

/** The API types an evaluation's metrics as documents. */
function metricText(document: unknown): string {
  const metric = document as
    | {
        readonly value: number | null;
        readonly lower: number | null;
        readonly upper: number | null;
      }
    | undefined;
  if (!metric || metric.value === null) return '';
  const { value, lower, upper } = metric;
  return lower === null || upper === null
    ? figure(value)
    : `${figure(value)} (${interval({ lower, upper }, figure)})`;
}
