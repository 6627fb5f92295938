import {
  findBin,
  categoryBins,
  numberBins,
  type FeatureBins,
} from '../../../domain/monitoring/bins';
import { addHourCounts } from '../../../domain/monitoring/drift';
import { driftResults } from '../../../domain/monitoring/drift-results';
import { emptyDrift } from '../../../domain/monitoring/drift-state';
import { learnPairs, pairScore } from '../../../domain/monitoring/feature-pairs';
import { openRowCounter } from '../../../domain/monitoring/observation/row-counter';
import { learnReference, type HourCounts } from '../../../domain/monitoring/reference';
import { seededRandom, type Random } from '../../../domain/statistics/random';

/** A town, the distance to it, and a number that has nothing to do with either. */
interface Trip {
  readonly town: string;
  readonly distance: number;
  readonly age: number;
}

const towns = ['near', 'middle', 'far'] as const;
const distances = { near: 100, middle: 500, far: 2000 };

function trip(random: Random): Trip {
  const town = towns[Math.floor(random() * 3)] ?? 'near';
  return { town, distance: distances[town] + Math.floor(random() * 10), age: 90 * random() };
}

function trips(count: number, seed: number): readonly Trip[] {
  const random = seededRandom([seed, 1, 2, 3]);
  return Array.from({ length: count }, () => trip(random));
}

const learntFrom = trips(5_000, 1);
const bins: readonly FeatureBins[] = [
  categoryBins(
    'town',
    towns.map((town) => [town, 1]),
  ),
  numberBins(
    'distance',
    learntFrom.map(({ distance }) => distance),
  ),
  numberBins(
    'age',
    learntFrom.map(({ age }) => age),
  ),
];
const binTrip = (each: Trip) => bins.map((of) => findBin(of, each[of.name as keyof Trip]));
const pairs = learnPairs(bins, learntFrom.map(binTrip));

describe('the pairs of features', () => {
  test('are those that depend on each other, without cycles', () => {
    expect(pairs.map((pair) => pair.bins.name)).toContain('town × distance');
    expect(pairs.length).toBeLessThanOrEqual(2);
  });

  test('score a usual pair above independence and an impossible pair far below', () => {
    const pair = pairs.find((each) => each.bins.name === 'town × distance');
    if (pair === undefined) throw new Error('the pair was not learnt');
    expect(pairScore(pair, binTrip({ town: 'far', distance: 2005, age: 30 }))).toBeGreaterThan(0.9);
    expect(pairScore(pair, binTrip({ town: 'far', distance: 105, age: 30 }))).toBeLessThan(-2);
  });

  test('say nothing of values that the reference hardly holds', () => {
    const pair = pairs.find((each) => each.bins.name === 'town × distance');
    if (pair === undefined) throw new Error('the pair was not learnt');
    expect(pairScore(pair, binTrip({ town: 'unheard of', distance: 105, age: 30 }))).toBe(0);
  });

  test('are none without rows', () => {
    expect(learnPairs(bins, [])).toEqual([]);
  });
});

describe('a join by a wrong key', () => {
  const counter = openRowCounter({ features: bins, pairs });
  const countHours = (rows: readonly Trip[], first: string): readonly HourCounts[] =>
    Array.from({ length: rows.length / 50 }, (_, hour) => {
      const counts = counter.empty();
      for (const row of rows.slice(hour * 50, hour * 50 + 50))
        counter.count(counts, (name) => row[name as keyof Trip]);
      return {
        hour: new Date(Date.parse(first) + hour * 3_600_000).toISOString(),
        ...counts,
        score: null,
      };
    });
  const reference = learnReference({
    bins,
    scoreBins: null,
    pairs,
    hours: countHours(trips(50 * 24 * 7 * 12, 2), '2024-01-01T00:00:00Z'),
    timezone: 'UTC',
    settings: { falseAlarmsPerYear: 1, minEffect: 0.1 },
  });
  const live = trips(50 * 24, 3);
  const alarmsIn = (rows: readonly Trip[]) =>
    driftResults(
      addHourCounts(emptyDrift(reference), reference, countHours(rows, '2025-01-06T00:00:00Z')),
      reference,
    )
      .filter(({ alarm }) => alarm !== null)
      .map(({ feature, role }) => `${role} ${feature}`);

  test('raises an alarm of the pair alone, because each feature keeps its distribution', () => {
    const mixed = live.map((row, index) => ({
      ...row,
      distance: live[(index + 1) % live.length]?.distance ?? 0,
    }));
    expect(alarmsIn(mixed)).toEqual(['pair town × distance']);
  });

  test('and rows as before raise none', () => {
    expect(alarmsIn(live)).toEqual([]);
  });
});
