import {
  addToDays,
  boundsAcrossDays,
  closeDaysBefore,
  startDaysAt,
} from '../../../domain/statistics/days-sequence';
import { estimateDayCorrelation } from '../../../domain/statistics/day-history';
import type { Random } from '../../../domain/statistics/random';
import { wealthAgainstShare } from '../../../domain/statistics/share-sequence';
import { earlierDayBounds } from './earlier-rules';
import { gauss, type DayEffects } from './simulated-traffic';

export interface FalseStatements {
  readonly wrongGood: boolean;
  readonly wrongHarm: boolean;
}

/**
 * Days with mean 0, evaluated at the end of each: whether the upper bound was ever below 0, or the
 * lower bound ever above, by today's and by the earlier rule.
 */
export function watchDays(
  effects: DayEffects,
  watched: {
    readonly random: Random;
    readonly days: number;
    readonly alpha: number;
    /** Days of earlier periods, from which the correlation of days is estimated. */
    readonly history: readonly number[];
    /** Added by the day of the week, from the first day on; the sum is 0. */
    readonly week?: readonly number[];
  },
): { readonly now: FalseStatements; readonly earlier: FalseStatements } {
  const { random, days, alpha, history, week = [] } = watched;
  const correlation = correlationAfter(effects, history, random);
  const effect = effects(random);
  const now = { wrongGood: false, wrongHarm: false };
  const earlier = { wrongGood: false, wrongHarm: false };
  let state = startDaysAt(0);
  let [sum, sumSquares] = [0, 0];
  for (let day = 0; day < days; day += 1) {
    const mean = effect() + (week[day % 7] ?? 0);
    for (const [arm, loss] of [['challenger', mean] as const, ['champion', 0] as const])
      state = addToDays(state, { day, arm, loss });
    state = closeDaysBefore(state, day + 1);
    note(now, boundsAcrossDays(state, { alpha, correlation }));
    sum += mean;
    sumSquares += mean ** 2;
    note(earlier, earlierDayBounds({ days: day + 1, sum, sumSquares }, alpha));
  }
  return { now, earlier };
}

/** The correlation of days that a rollout uses after periods of so many days. */
export function correlationAfter(
  effects: DayEffects,
  history: readonly number[],
  random: Random,
): number {
  const periods = history.map((days, index) => {
    const effect = effects(random);
    const from = -1000 * (index + 1);
    const values = Array.from({ length: days }, () => effect());
    return { kind: 'holdout', from, until: from + days, values } as const;
  });
  return estimateDayCorrelation(periods).value;
}

function note(
  wrong: { wrongGood: boolean; wrongHarm: boolean },
  bounds: { readonly lower: number; readonly upper: number } | null,
): void {
  if (bounds === null) return;
  if (bounds.upper < 0) wrong.wrongGood = true;
  if (bounds.lower > 0) wrong.wrongHarm = true;
}

/**
 * Requests with a share of events that varies by `spread` between days: whether the lower bound
 * ever exceeds the mean of the conditional shares so far.
 */
export function watchShare(
  { share, spread }: { readonly share: number; readonly spread: number },
  watched: {
    readonly random: Random;
    readonly days: number;
    readonly requestsPerDay: number;
    readonly alpha: number;
  },
): boolean {
  const { random, days, requestsPerDay, alpha } = watched;
  let [n, events, conditional] = [0, 0, 0];
  for (let day = 0; day < days; day += 1) {
    const ofDay = share * Math.exp(spread * gauss(random) - spread ** 2 / 2);
    for (let request = 0; request < requestsPerDay; request += 1) {
      n += 1;
      conditional += ofDay;
      if (random() >= ofDay) continue;
      events += 1;
      // The bound rises only at events.
      if (wealthAgainstShare({ n, events }, conditional / n) >= -Math.log(alpha)) return true;
    }
  }
  return false;
}
