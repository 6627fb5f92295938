import { addHourCounts } from '../../../domain/monitoring/drift';
import { emptyDrift, type DriftState } from '../../../domain/monitoring/drift-state';
import { driftResults, type FeatureDrift } from '../../../domain/monitoring/drift-results';
import { learnReference, type MonitorReference } from '../../../domain/monitoring/reference';
import { rateIn } from '../../support/rollout/monte-carlo';
import {
  buildHour,
  worldBins,
  worldHours,
  type HourWorld,
} from '../../support/monitoring/hour-worlds';

const settings = { falseAlarmsPerYear: 1, minEffect: 0.1 };
const days = { daySd: 0.3, correlation: 0.5 };

function learn(world: HourWorld): MonitorReference {
  return learnReference({
    bins: worldBins,
    scoreBins: null,
    pairs: [],
    hours: worldHours(world),
    timezone: 'UTC',
    settings,
  });
}

const year = learn({ seed: 1, hours: 24 * 7 * 20, rowsPerHour: 40, ...days });
const live: HourWorld = {
  seed: 2,
  hours: 24 * 14,
  rowsPerHour: 40,
  firstHour: '2024-07-01T00:00:00Z',
  ...days,
};
const watch = (world: HourWorld, reference = year) =>
  addHourCounts(emptyDrift(reference), reference, worldHours(world));
const of = (state: DriftState, name: string, reference = year): FeatureDrift => {
  const found = driftResults(state, reference).find(({ feature }) => feature === name);
  if (!found) throw new Error(`no result of ${name}`);
  return found;
};

describe('drift within its tolerance', () => {
  test('six weeks with dependent days raise at most the stated alarms', () => {
    // At most 42 of 365 of a year's one alarm is expected in a world.
    const { lower } = rateIn(10, (seed) => {
      const weeks = { ...live, seed: 100 + seed, hours: 24 * 7 * 6 };
      return driftResults(watch(weeks), year).some(({ signals }) =>
        signals.some(({ raised }) => raised > 0),
      );
    });
    expect(lower).toBeLessThanOrEqual(42 / 365);
  });

  test('a feature whose days differ has a larger tolerance for days than a steady one', () => {
    const [amount, country] = year.features.map(
      ({ tolerances }) => tolerances.distribution.day.value ?? 1,
    );
    expect(amount).toBeGreaterThan(country ?? 1);
  });
});

describe('drift beyond its tolerance', () => {
  const from = 24 * 10;
  const first = new Date(Date.parse(live.firstHour ?? '') + from * 3_600_000).toISOString();
  const shifts = {
    'a unit change': [
      'amount',
      'distribution',
      (row) => ({ ...row, amount: Number(row.amount) * 9 + 32 }),
    ],
    'another mix of categories': [
      'country',
      'distribution',
      (row) => ({ ...row, country: row.country === 'at' ? 'fr' : row.country }),
    ],
    'missing values': ['amount', 'missing', (row) => ({ ...row, amount: null })],
    'unseen values': ['country', 'unusual', (row) => ({ ...row, country: 'xx' })],
    'numbers sent as texts': [
      'amount',
      'unusual',
      (row) => ({ ...row, amount: String(row.amount) }),
    ],
  } satisfies Record<string, [string, string, NonNullable<HourWorld['shift']>['of']]>;

  test.each(Object.entries(shifts))(
    '%s raises an alarm within two hours',
    (_, [name, kind, change]) => {
      const shifted = { ...live, shift: { from, of: change } };
      expect(of(watch({ ...shifted, hours: from }), name).alarm).toBeNull();
      const found = of(watch({ ...shifted, hours: from + 2 }), name);
      expect(found.alarm).not.toBeNull();
      const signal = found.signals.find((each) => each.kind === kind && each.scale === 'hour');
      expect(Date.parse(signal?.raisedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(first));
      expect(signal?.effect).toBeGreaterThan(0.3);
    },
  );

  test.each([
    ['3 % of the rows raises an alarm within three weeks', 33, true],
    ['1.5 % of the rows is within the tolerance of 2 %', 67, false],
  ])('a new category in %s', (_, every, isRaised) => {
    let row = 0;
    const rare: HourWorld = {
      ...live,
      hours: 24 * 7 * 3,
      shift: {
        from: 0,
        of: (each) => {
          row += 1;
          return row % every === 0 ? { ...each, country: 'xx' } : each;
        },
      },
    };
    const { signals } = of(watch(rare), 'country');
    const unusual = signals.filter(({ kind }) => kind === 'unusual');
    for (const { tolerance } of unusual) expect(tolerance).toBeCloseTo(0.02, 9);
    expect(unusual.some(({ raised }) => raised > 0)).toBe(isRaised);
  });

  test('broken values take precedence over a distribution with more evidence', () => {
    let row = 0;
    const broken: HourWorld = {
      ...live,
      hours: from + 24,
      shift: {
        from,
        of: (each) => {
          row += 1;
          return { ...each, country: row % 8 === 0 ? 'xx' : 'fr' };
        },
      },
    };
    const { alarm, signals } = of(watch(broken), 'country');
    const over = (kind: string) =>
      Math.max(
        ...signals
          .filter((each) => each.kind === kind && each.since !== null)
          .map((each) => each.logEvidence - each.threshold),
      );
    expect(over('distribution')).toBeGreaterThan(over('unusual'));
    expect(over('unusual')).toBeGreaterThan(-Infinity);
    expect(alarm?.kind).toBe('unusual');
  });

  test('the alarm ends when a block is quiet again', () => {
    const gone = (hour: number) => {
      const hours = worldHours({ ...live, hours: from + hour });
      const broken = worldHours({
        ...live,
        hours: from + hour,
        shift: { from, of: (row) => ({ ...row, country: 'xx' }) },
      });
      const mixed = [...broken.slice(0, from + 3), ...hours.slice(from + 3)];
      return addHourCounts(emptyDrift(year), year, mixed);
    };
    expect(of(gone(3), 'country').alarm).not.toBeNull();
    const later = of(gone(24 * 14), 'country');
    expect(later.alarm).toBeNull();
  });

  test('results are ordered by alarm, then by effect', () => {
    const state = watch({ ...live, shift: { from, of: (row) => ({ ...row, country: 'xx' }) } });
    expect(driftResults(state, year).map(({ feature }) => feature)).toEqual(['country', 'amount']);
  });

  test('the mean of a number moves by its shift', () => {
    const state = watch({
      ...live,
      daySd: 0,
      shift: { from, of: (row) => ({ ...row, amount: Number(row.amount) + 1 }) },
    });
    expect(of(state, 'amount').meanShift).toBeGreaterThan(0.6);
    expect(of(state, 'amount').meanShift).toBeLessThan(1.3);
  });
});

describe('the state of a monitor', () => {
  const hours = worldHours(live);

  test('does not depend on calls or on storage as JSON', () => {
    const stored = hours.reduce(
      (state, hour) => addHourCounts(JSON.parse(JSON.stringify(state)) as DriftState, year, [hour]),
      emptyDrift(year),
    );
    expect(stored).toEqual(addHourCounts(emptyDrift(year), year, hours));
  });

  test('is small', () => {
    const state = addHourCounts(emptyDrift(year), year, hours);
    expect(JSON.stringify(state).length / worldBins.length).toBeLessThan(6_000);
  });

  test('starts each block anew', () => {
    const monday = addHourCounts(emptyDrift(year), year, hours.slice(0, 24 * 7));
    const next = addHourCounts(monday, year, hours.slice(24 * 7, 24 * 7 + 1));
    for (const { counts } of next.features) {
      for (const scale of ['hour', 'day', 'week'] as const) {
        expect(counts[scale].newest.bins.reduce((sum, count) => sum + count, 0)).toBe(40);
        expect(counts[scale].last).not.toBeNull();
      }
    }
  });

  test('counts rows of closed blocks as late, and in the blocks that are open', () => {
    const state = addHourCounts(emptyDrift(year), year, hours.slice(0, 30));
    const late = addHourCounts(state, year, hours.slice(26, 27));
    expect(late.rows).toBe(31 * 40);
    expect(late.lateRows).toEqual({ hour: 40, day: 0, week: 0 });
    expect(late.blocks).toEqual(state.blocks);
  });

  test('refuses counts that do not fit, and names feature and hour', () => {
    const bad = {
      ...buildHour('2024-07-01T00:00:00Z', []),
      features: { amount: [1, 2], country: [] },
    };
    expect(() => addHourCounts(emptyDrift(year), year, [bad])).toThrow(
      /feature amount has 14 bins, and its counts of 2024-07-01T00:00:00Z are \[1, 2\]/,
    );
  });
});

describe('a reference with little data', () => {
  test('switches off the scales that it cannot know, with the reason', () => {
    const sparse = learn({ seed: 3, hours: 24 * 7 * 12, rowsPerHour: 1 });
    const [amount] = sparse.features;
    expect(amount?.tolerances.distribution.hour).toEqual({
      value: null,
      reason: 'the reference has 0 hours with 20 rows or more; at least 10 are needed',
    });
    expect(amount?.tolerances.distribution.week.value).toBeGreaterThanOrEqual(0.1);
  });

  test('without rows is a monitor without tests', () => {
    const empty = learnReference({
      bins: worldBins,
      scoreBins: null,
      pairs: [],
      hours: [],
      timezone: 'UTC',
      settings,
    });
    const state = watch(live, empty);
    const found = of(state, 'country', empty);
    expect(found.alarm).toBeNull();
    expect(found.signals.every(({ tolerance }) => tolerance === null)).toBe(true);
  });

  test('a value that swings from hour to hour raises no alarm', () => {
    const swinging = (world: HourWorld) =>
      worldHours({ ...world, rowsPerHour: 1 }).map(({ hour }, at) => {
        const row = { amount: (((at + world.seed) * 7919) % 9) - 4, country: 'at' };
        return buildHour(
          hour,
          Array.from({ length: 60 }, () => row),
        );
      });
    const reference = learnReference({
      bins: worldBins,
      scoreBins: null,
      pairs: [],
      hours: swinging({ ...live, hours: 24 * 7 * 12 }),
      timezone: 'UTC',
      settings,
    });
    const state = addHourCounts(
      emptyDrift(reference),
      reference,
      swinging({ ...live, seed: 4, firstHour: '2025-01-06T00:00:00Z' }),
    );
    expect(reference.features[0]?.tolerances.distribution.hour.value).toBeGreaterThan(0.4);
    expect(driftResults(state, reference).filter(({ alarm }) => alarm !== null)).toEqual([]);
  });
});
