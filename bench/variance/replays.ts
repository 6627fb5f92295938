import { seededRandom } from '../../domain/statistics/random';
import { calibrate, fitCalibrationMap } from '../../domain/monitoring/quality/estimate';
import { requestLoss } from '../../domain/rollout/judging/loss';
import type { LossRange } from '../../domain/evaluation/metrics/loss-range';
import { buildBins, readWeeks, type Flight } from '../drift/flights';
import { fitLateModel } from '../drift/model';

/** A flight of a replayed month with the losses of two versions, and what is known before its label. */
export interface ReplayedFlight {
  /** Days since 1970 on the clocks of New York. */
  readonly day: number;
  readonly hour: number;
  readonly carrier: string;
  readonly champion: LossRange & { readonly loss: number };
  readonly challenger: LossRange & { readonly loss: number };
  /** Expected losses by the calibrated score of the champion. */
  readonly expected: { readonly champion: number; readonly challenger: number };
}

/** A month of 2013, and the versions trained on all months before it, without and with the last. */
export interface Replay {
  readonly month: number;
  readonly flights: readonly ReplayedFlight[];
}

export const loss = requestLoss({ metric: 'logloss', bound: null });
const months = [5, 6, 7, 8, 9, 10, 11, 12];

export async function readReplays(): Promise<readonly Replay[]> {
  const flights = (await readWeeks()).flat().filter(({ late }) => late !== null);
  const inMonth = (month: number) =>
    flights.filter(({ at }) => new Date(at).getUTCMonth() + 1 === month);
  const until = (month: number) =>
    flights.filter(({ at }) => new Date(at).getUTCMonth() + 1 <= month);
  return months.map((month) => ({
    month,
    flights: replayed(inMonth(month), until(month - 2), until(month - 1), inMonth(month - 1)),
  }));
}

function replayed(
  live: readonly Flight[],
  before: readonly Flight[],
  beforeAndLast: readonly Flight[],
  last: readonly Flight[],
): readonly ReplayedFlight[] {
  const bins = buildBins(before);
  const champion = fitLateModel(before, bins);
  const challenger = fitLateModel(beforeAndLast, bins);
  // The champion was not trained on the last month.
  const map = fitCalibrationMap(
    last.map((flight) => ({ score: champion(flight), label: Number(flight.late) })),
  );
  return live.map((flight) => {
    const label = Number(flight.late);
    const scores = { champion: champion(flight), challenger: challenger(flight) };
    const share = calibrate(map, scores.champion);
    const expected = (score: number) => share * loss.of(1, score) + (1 - share) * loss.of(0, score);
    const of = (score: number) => ({ loss: loss.of(label, score), ...loss.computeRange(score) });
    return {
      day: Math.floor(flight.at / 86_400_000),
      hour: new Date(flight.at).getUTCHours(),
      carrier: String(flight.values['carrier']),
      champion: of(scores.champion),
      challenger: of(scores.challenger),
      expected: { champion: expected(scores.champion), challenger: expected(scores.challenger) },
    };
  });
}

/** Two weeks: a shorter block would cut what lasts for a week. */
const blockDays = 14;

/** The mean difference of each day of a replay, in order. */
export function differencesByDay({ flights }: Replay): readonly number[] {
  return [...groupBy(flights, ({ day }) => day).entries()]
    .sort(([one], [other]) => one - other)
    .map(([, day]) =>
      computeMean(day.map(({ champion, challenger }) => challenger.loss - champion.loss)),
    );
}

/**
 * Days of a replay with the challenger's mean difference set to `difference`. Blocks of two weeks
 * are drawn with replacement from the circle of days, because single days would lose their
 * correlation (D. N. Politis and J. P. Romano, "A circular block-resampling procedure for
 * stationary data", in: Exploring the Limits of Bootstrap (1992)).
 */
export function resampledDays(
  { flights }: Replay,
  { days, difference, seed }: Readonly<{ days: number; difference: number; seed: number }>,
): readonly (readonly ReplayedFlight[])[] {
  const mean = computeMean(
    flights.map(({ champion, challenger }) => challenger.loss - champion.loss),
  );
  const shift = difference - mean;
  const shifted = flights.map((flight) => ({
    ...flight,
    challenger: {
      loss: flight.challenger.loss + shift,
      min: flight.challenger.min + shift,
      max: flight.challenger.max + shift,
    },
    expected: { ...flight.expected, challenger: flight.expected.challenger + shift },
  }));
  const byDay = [...groupBy(shifted, ({ day }) => day).entries()]
    .sort(([one], [other]) => one - other)
    .map(([, day]) => day);
  const random = seededRandom([seed, 51, 52, 53]);
  let first = 0;
  return Array.from({ length: days }, (_, place) => {
    if (place % blockDays === 0) first = Math.floor(random() * byDay.length);
    return byDay[(first + (place % blockDays)) % byDay.length] ?? [];
  });
}

export function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

export function computeMean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
