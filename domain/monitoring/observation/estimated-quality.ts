/** The mean loss that the scores predict while labels are late. An estimate, which never acts. */
import { fitCalibrationMap, estimatedLoss, type CalibrationMap } from '../quality/estimate';
import type { MonitorSettings } from '../monitor';
import type { ObservedRow } from './observed';

/** Sums of a day of event time, in UTC. */
export interface EstimatedDay {
  readonly day: string;
  readonly rows: number;
  readonly loss: number;
}

export interface EstimateResult {
  readonly metric: string;
  readonly rows: number;
  readonly loss: number;
  readonly from: string;
  readonly until: string;
}

const daysKept = 7;

/** Null for a task or a metric whose loss does not follow from a probability. */
export function buildEstimator(
  rows: readonly { readonly output: number | string; readonly label: number }[],
  { task }: Pick<MonitorSettings, 'task'>,
): CalibrationMap | null {
  if (task !== 'classification' || rows.length === 0) return null;
  return fitCalibrationMap(rows.map(({ output, label }) => ({ score: Number(output), label })));
}

export function addEstimates(
  days: readonly EstimatedDay[],
  rows: readonly Pick<ObservedRow, 'at' | 'output'>[],
  { map, metric }: { readonly map: CalibrationMap | null; readonly metric: string },
): readonly EstimatedDay[] {
  if (map === null || (metric !== 'logloss' && metric !== 'brier')) return days;
  const byDay = new Map(days.map((each) => [each.day, each]));
  for (const { at, output } of rows) {
    const score = (output as { readonly score?: unknown } | null)?.score;
    if (typeof score !== 'number') continue;
    const day = new Date(at).toISOString().slice(0, 10);
    const known = byDay.get(day) ?? { day, rows: 0, loss: 0 };
    const loss = known.loss + (estimatedLoss(metric, map, [score]) ?? 0);
    byDay.set(day, { day, rows: known.rows + 1, loss });
  }
  return [...byDay.values()].sort((a, b) => (a.day < b.day ? -1 : 1)).slice(-daysKept);
}

export function estimateResult(
  days: readonly EstimatedDay[],
  metric: string,
): EstimateResult | null {
  const rows = days.reduce((sum, each) => sum + each.rows, 0);
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined || rows === 0) return null;
  const loss = days.reduce((sum, each) => sum + each.loss, 0) / rows;
  return { metric, rows, loss, from: first.day, until: last.day };
}
