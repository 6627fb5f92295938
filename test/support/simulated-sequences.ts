import { boundsAcrossDays, fewestDaysAcross, noDays } from '../../domain/statistics/days-sequence';
import type { Random } from '../../domain/statistics/random';
import { wealthAgainstShare } from '../../domain/statistics/share-sequence';
import { gauss, type DayEffects } from './simulated-traffic';

/** Days of mean 0, watched as each ends: whether the upper bound was ever below 0, the lower one ever above. */
export function watchDays(
  effects: DayEffects,
  watched: { readonly random: Random; readonly days: number; readonly alpha: number },
): { readonly wrongGood: boolean; readonly wrongHarm: boolean } {
  const { random, days, alpha } = watched;
  const effect = effects(random);
  const wrong = { wrongGood: false, wrongHarm: false };
  let [sum, sumSquares] = [0, 0];
  for (let day = 1; day <= days; day += 1) {
    const mean = effect();
    sum += mean;
    sumSquares += mean ** 2;
    const bounds = day < fewestDaysAcross ? null : boundsAcrossDays({ ...noDays, days: day, sum, sumSquares }, alpha);
    if (bounds === null) continue;
    if (bounds.upper < 0) wrong.wrongGood = true;
    if (bounds.lower > 0) wrong.wrongHarm = true;
  }
  return wrong;
}

/** Requests of which a share is an event, `spread` apart from day to day: whether the lower bound ever passes the mean of the conditional shares so far. */
export function watchShare(
  { share, spread }: { readonly share: number; readonly spread: number },
  watched: { readonly random: Random; readonly days: number; readonly requestsPerDay: number; readonly alpha: number },
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
      // The bound rises at events alone.
      if (wealthAgainstShare({ n, events }, conditional / n) >= -Math.log(alpha)) return true;
    }
  }
  return false;
}
