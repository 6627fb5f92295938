import { minDays, type Measurement, type ResampledUnit } from '../evidence';
import { assumedDayCorrelation } from '../../statistics/day-correlation';
import {
  estimateDayCorrelation,
  type DayCorrelation,
  type DayPeriod,
} from '../../statistics/day-history';
import {
  unitDayWeights,
  type DayResamples,
  type DayStatistic,
} from '../../statistics/day-resamples';
import { dayInfluences, dayInterval, type IntervalWithReplicates } from '../../statistics/interval';
import type { TailIndex } from '../../statistics/tail-index';

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
  /** Calendar days of the holdout. Periods of the history that share one are left out. */
  readonly judged?: { readonly from: number; readonly until: number } | undefined;
  /** Days of earlier holdouts and rollouts with the same statistic, newest first; default none. */
  readonly history?: readonly DayPeriod[] | undefined;
  /** The correlation of days; by default, from these days and the history. */
  readonly correlation?: DayCorrelation | undefined;
  /** The tail of the rows, if it is too heavy for bounds. */
  readonly heavyTail?: TailIndex | null | undefined;
}

/** The measurement, with its replicates for simultaneous bounds. */
export function measure(request: MeasurementRequest): {
  readonly measurement: Measurement;
  readonly drawn: IntervalWithReplicates | null;
} {
  const { what, statistic, resamples, rows, days, unit = 'day' } = request;
  const estimate = statistic(unitDayWeights(resamples.days));
  const toUnmeasured = (reason: string) => ({
    measurement: {
      kind: 'notMeasured',
      reason,
      estimate: Number.isFinite(estimate) ? estimate : null,
    } as const,
    drawn: null,
  });
  if (!Number.isFinite(estimate)) return toUnmeasured(`${what} is undefined on these ${rows} rows`);
  if (days < minDays)
    return toUnmeasured(
      `${what} has only ${days} ${unit}${days === 1 ? '' : 's'}; at least ${minDays} are needed for an interval`,
    );
  const correlation = unit === 'day' ? (request.correlation ?? estimateMeasurement(request)) : null;
  const drawn = dayInterval({ ...request, correlation: correlation?.value ?? 0 });
  if (drawn === null) return toUnmeasured(`${what} has no interval`);
  return {
    measurement: {
      kind: 'measured',
      ...drawn.interval,
      rows,
      days,
      ...(unit !== 'day' && { unit }),
      ...(correlation !== null && { correlation }),
      ...(request.heavyTail && { heavyTail: request.heavyTail }),
    },
    drawn,
  };
}

/** From the influences of these days on the statistic, and the history. */
function estimateMeasurement({
  statistic,
  resamples,
  judged = { from: 0, until: 0 },
  history = [],
}: MeasurementRequest): DayCorrelation {
  const values = dayInfluences(statistic, resamples.days);
  return estimateDayCorrelation([{ kind: 'holdout', ...judged, values }, ...history]);
}

/** The least assumed correlation of successive days; blocks by a hash are independent. */
export function findMinCorrelation(unit: ResampledUnit = 'day'): number {
  return unit === 'day' ? assumedDayCorrelation : 0;
}
