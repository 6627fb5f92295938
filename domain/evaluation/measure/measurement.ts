import { minDays, type Measurement, type ResampledUnit } from '../../decision/evidence';
import { assumedDayCorrelation } from '../../statistics/day-correlation';
import {
  unitDayWeights,
  type DayResamples,
  type DayStatistic,
} from '../../statistics/day-resamples';
import { dayInterval, type IntervalWithReplicates } from '../../statistics/interval';

export interface MeasurementRequest {
  /** The name in the reason when it cannot be measured. */
  readonly what: string;
  readonly statistic: DayStatistic;
  readonly resamples: DayResamples;
  readonly levels: readonly number[];
  /** The resampled unit; default days. */
  readonly unit?: ResampledUnit | undefined;
  readonly rows: number;
  /** Days or blocks with rows. */
  readonly days: number;
}

/** The measurement, with its replicates for simultaneous bounds. */
export function measure(request: MeasurementRequest): {
  readonly measurement: Measurement;
  readonly drawn: IntervalWithReplicates | null;
} {
  const { what, statistic, resamples, rows, days, unit = 'day' } = request;
  const estimate = statistic(unitDayWeights(resamples.days));
  const unmeasured = (reason: string) => ({
    measurement: {
      kind: 'notMeasured',
      reason,
      estimate: Number.isFinite(estimate) ? estimate : null,
    } as const,
    drawn: null,
  });
  if (!Number.isFinite(estimate)) return unmeasured(`${what} is undefined on these ${rows} rows`);
  if (days < minDays)
    return unmeasured(
      `${what} has only ${days} ${unit}${days === 1 ? '' : 's'}; at least ${minDays} are needed for an interval`,
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

/** The assumed correlation of successive days; blocks by a hash are independent. */
export function correlationOf(unit: ResampledUnit = 'day'): number {
  return unit === 'day' ? assumedDayCorrelation : 0;
}
