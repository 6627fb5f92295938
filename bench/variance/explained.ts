/** The share of variance that a variable explains, which is the share of samples that it can save. */
import { groupBy, computeMean, type Replay, type ReplayedFlight } from './replays';

export interface Explained {
  readonly month: number;
  /** Explained share of the difference of a pair. */
  readonly pairByExpectation: number;
  readonly pairByHour: number;
  readonly pairByCarrier: number;
  readonly pairByDay: number;
  /** Explained share of the loss of one arm. */
  readonly armByExpectation: number;
  readonly armByHour: number;
  readonly armByCarrier: number;
  /** Explained share of the mean difference of a day, adjusted for the number of days. */
  readonly dayByChampion: number;
  readonly dayByResidual: number;
}

export function explainedIn({ month, flights }: Replay): Explained {
  const differences = flights.map((each) => each.challenger.loss - each.champion.loss);
  const losses = flights.map(({ champion }) => champion.loss);
  const days = [...groupBy(flights, ({ day }) => day).values()];
  const ofDays = (of: (flight: ReplayedFlight) => number) =>
    days.map((day) => computeMean(day.map(of)));
  const dayDifferences = ofDays((each) => each.challenger.loss - each.champion.loss);
  const adjusted = (share: number) => 1 - ((1 - share) * (days.length - 1)) / (days.length - 2);
  return {
    month,
    pairByExpectation: squaredCorrelation(
      differences,
      flights.map(({ expected }) => expected.challenger - expected.champion),
    ),
    pairByHour: betweenGroups(flights, differences, ({ hour }) => hour),
    pairByCarrier: betweenGroups(flights, differences, ({ carrier }) => carrier),
    pairByDay: betweenGroups(flights, differences, ({ day }) => day),
    armByExpectation: squaredCorrelation(
      losses,
      flights.map(({ expected }) => expected.champion),
    ),
    armByHour: betweenGroups(flights, losses, ({ hour }) => hour),
    armByCarrier: betweenGroups(flights, losses, ({ carrier }) => carrier),
    dayByChampion: adjusted(
      squaredCorrelation(
        dayDifferences,
        ofDays((e) => e.champion.loss),
      ),
    ),
    dayByResidual: adjusted(
      squaredCorrelation(
        dayDifferences,
        ofDays((e) => e.champion.loss - e.expected.champion),
      ),
    ),
  };
}

function squaredCorrelation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [computeMean(a), computeMean(b)];
  let [both, ofA, ofB] = [0, 0, 0];
  a.forEach((value, index) => {
    const [x, y] = [value - meanA, (b[index] ?? 0) - meanB];
    both += x * y;
    ofA += x * x;
    ofB += y * y;
  });
  return ofA * ofB === 0 ? 0 : both ** 2 / (ofA * ofB);
}

/** The share of the variance between groups, less what chance alone gives (ω² of W. L. Hays, 1963). */
function betweenGroups(
  flights: readonly ReplayedFlight[],
  values: readonly number[],
  keyOf: (flight: ReplayedFlight) => string | number,
): number {
  const groups = groupBy(
    flights.map((flight, index) => ({ key: keyOf(flight), value: values[index] ?? 0 })),
    ({ key }) => key,
  );
  const mean = computeMean(values);
  let [between, within] = [0, 0];
  for (const group of groups.values()) {
    const own = computeMean(group.map(({ value }) => value));
    between += group.length * (own - mean) ** 2;
    for (const { value } of group) within += (value - own) ** 2;
  }
  const noise = within / (values.length - groups.size);
  return Math.max(0, (between - (groups.size - 1) * noise) / (between + within + noise));
}
