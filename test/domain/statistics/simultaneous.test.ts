import { weightedSum } from '../../../domain/evaluation/metrics/mean-loss';
import { dayResamples, type DayStatistic } from '../../../domain/statistics/day-resamples';
import { normalQuantile } from '../../../domain/statistics/distributions';
import { dayInterval } from '../../../domain/statistics/interval';
import { seededRandom } from '../../../domain/statistics/random';
import { jointDeviations } from '../../../domain/statistics/simultaneous';

const random = seededRandom([9, 8, 7, 6]);
const gauss = () => normalQuantile(random() + 2 ** -33);

describe('simultaneous bounds', () => {
  test('hold for all twelve groups at once in 97 % of simulated months, unlike single bounds', () => {
    const trials = 250;
    let [joint, alone] = [0, 0];
    for (let trial = 0; trial < trials; trial += 1) {
      const bounds = findBounds(groupsOfAMonth(12, 0.3), trial);
      joint += bounds.some(({ together }) => (together.lower ?? 0) > 0) ? 1 : 0;
      alone += bounds.some(({ own }) => (own?.lower ?? 0) > 0) ? 1 : 0;
    }
    expect(joint / trials).toBeLessThan(0.055);
    expect(alone / trials).toBeGreaterThan(0.15);
  });

  test('hold for twenty groups with rows on 7 of 14 days, unlike bounds by all days', () => {
    const trials = 250;
    let missed = 0;
    for (let trial = 0; trial < trials; trial += 1) {
      missed += findBounds(groupsOfEverySecondDay(14), trial).some(
        ({ together }) => (together.lower ?? -1) > 0,
      )
        ? 1
        : 0;
    }
    expect(missed / trials).toBeLessThan(0.05);
  });

  test('are hardly wider than single ones only for groups that move together', () => {
    const width = (shared: number) => {
      const [first] = findBounds(groupsOfAMonth(12, shared), 1);
      if (!first?.own) throw new Error('no bounds');
      return (
        ((first.together.upper ?? NaN) - first.estimate) /
        ((first.own.upper ?? NaN) - first.estimate)
      );
    };
    expect(width(1)).toBeGreaterThan(0.8);
    expect(width(1)).toBeLessThan(1.2);
    expect(width(0)).toBeGreaterThan(1.3);
  });

  test('keep widening beyond the levels that the resamples reach', () => {
    const twelve = groupsOfAMonth(12, 0.3);
    const upper = [0.97, 0.99, 0.997, 0.9999, 0.999999].map(
      (level) => findBounds(twelve, 1, level)[0]?.together.upper ?? NaN,
    );
    upper
      .slice(1)
      .forEach((bound, index) => expect(bound).toBeGreaterThan((upper[index] ?? NaN) * 1.05));
  });

  test('of a constant are that constant, which does not widen the others', () => {
    const [noisy] = groupsOfAMonth(1, 0);
    const constant = new Array<number>(30).fill(2);
    const both = findBounds([noisy ?? [], constant], 1);
    expect(both[1]?.together).toEqual({ level: 0.97, lower: 2, upper: 2 });
    expect(both[0]?.together).toEqual(findBounds([noisy ?? []], 1)[0]?.together);
  });
});

/** Mean 0 per group; `shared`: part of the day effect that all groups share. */
function groupsOfAMonth(groups: number, shared: number): readonly (readonly number[])[] {
  const days = Array.from({ length: 30 }, gauss);
  return Array.from({ length: groups }, () =>
    days.map((day) => Math.sqrt(shared) * day + Math.sqrt(1 - shared) * gauss()),
  );
}

/** Twenty groups of mean 0, each with rows on every second day only. */
function groupsOfEverySecondDay(days: number): readonly (readonly (number | null)[])[] {
  return Array.from({ length: 20 }, (_group, group) =>
    Array.from({ length: days }, (_day, day) => ((day + group) % 2 === 0 ? gauss() : null)),
  );
}

/** Null if a group has no rows on a day. */
function findBounds(groups: readonly (readonly (number | null)[])[], trial: number, level = 0.97) {
  const days = groups[0]?.length ?? 0;
  const resamples = dayResamples({ days, replicates: 1000, seed: [trial, 1, 2, 3] });
  const joint = jointDeviations({ replicates: 1000, days: groups[0]?.length ?? 0, correlation: 0 });
  const drawn = groups.map((values) => {
    const own = values.filter((value) => value !== null).length;
    const found = dayInterval({
      statistic: buildMean(values),
      resamples,
      levels: [level],
      days: own,
      correlation: 0,
    });
    if (found === null) throw new Error('no interval');
    joint.add(found);
    return { interval: found.interval, days: own };
  });
  const together = joint.bounds();
  return drawn.map((each) => ({
    estimate: each.interval.estimate,
    own: each.interval.bounds[0],
    together: together(each, level),
  }));
}

function buildMean(values: readonly (number | null)[]): DayStatistic {
  const held = Float64Array.from(values, (value) => value ?? 0);
  const present = Float64Array.from(values, (value) => (value === null ? 0 : 1));
  return (weights) => weightedSum(weights, held) / weightedSum(weights, present);
}
