import { fewestDays, type Measurement, type ResampledUnit } from '../../decision/evidence';
import { assumedDayCorrelation } from '../../statistics/day-correlation';
import { eachDayOnce, type DayResamples, type DayStatistic } from '../../statistics/day-resamples';
import { dayInterval, type DrawnInterval } from '../../statistics/interval';

export interface MeasurementRequest {
  /** Named in the reason when it cannot be measured. */
  readonly what: string;
  readonly statistic: DayStatistic;
  readonly resamples: DayResamples;
  readonly levels: readonly number[];
  /** What the resamples draw; days where it is absent. */
  readonly unit?: ResampledUnit | undefined;
  readonly rows: number;
  /** Days, or blocks, that have rows. */
  readonly days: number;
}

/** With the replicates when it could be measured, for what is judged jointly. */
export function measure(request: MeasurementRequest): {
  readonly measurement: Measurement;
  readonly drawn: DrawnInterval | null;
} {
  const { what, statistic, resamples, rows, days, unit = 'day' } = request;
  const estimate = statistic(eachDayOnce(resamples.days));
  const unmeasured = (reason: string) => ({
    measurement: {
      kind: 'notMeasured',
      reason,
      estimate: Number.isFinite(estimate) ? estimate : null,
    } as const,
    drawn: null,
  });
  if (!Number.isFinite(estimate)) return unmeasured(`${what} is not defined on these ${rows} rows`);
  if (days < fewestDays)
    return unmeasured(
      `${what} rests on ${days} ${unit}s; at least ${fewestDays} are needed to know how far ${unit}s differ`,
    );
  const drawn = dayInterval({ ...request, correlation: correlationOf(unit) });
  if (drawn === null) return unmeasured(`${what} has no interval`);
  return {
    measurement: {
      kind: 'measured',
      ...drawn.interval,
      rows,
      days,
      ...(unit !== 'day' && { unit }),
    },
    drawn,
  };
}

/**
 * What a day is taken to share with the day before; blocks are drawn by a hash and share nothing.
 */
export function correlationOf(unit: ResampledUnit = 'day'): number {
  return unit === 'day' ? assumedDayCorrelation : 0;
}
