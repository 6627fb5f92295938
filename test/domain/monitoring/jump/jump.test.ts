import { numberBins } from '../../../../domain/monitoring/bins';
import { addHourCounts } from '../../../../domain/monitoring/drift';
import { emptyDrift, type DriftState } from '../../../../domain/monitoring/drift-state';
import { driftResults, type FeatureDrift } from '../../../../domain/monitoring/drift-results';
import { openRowCounter } from '../../../../domain/monitoring/observation/row-counter';
import {
  learnReference,
  type HourCounts,
  type MonitorReference,
} from '../../../../domain/monitoring/reference';
import { normalQuantile } from '../../../../domain/statistics/distributions';
import { seededRandom, type Random } from '../../../../domain/statistics/random';
import { rateIn } from '../../../support/rollout/monte-carlo';

const settings = { falseAlarmsPerYear: 1, minEffect: 0.1 };
const hourMs = 3_600_000;
const firstHour = Date.parse('2024-01-01T00:00:00Z');

interface WeatherWorld {
  readonly seed: number;
  readonly hours: number;
  readonly rowsPerHour?: number;
  /** Whether an hour of the day has rows. */
  readonly isOpen?: (hourOfDay: number, day: number) => boolean;
  /** @param at hours since the start, with fractions */
  readonly of?: (temperature: number, at: number) => unknown;
}

/** Temperatures that differ from day to day and from hour to hour, by ten rows at a time. */
function weather(world: WeatherWorld): readonly (readonly [at: number, value: unknown])[] {
  const {
    seed,
    hours,
    rowsPerHour = 40,
    isOpen = () => true,
    of = (value: number): unknown => value,
  } = world;
  const random = seededRandom([seed, hours, 7, 9]);
  let [day, front] = [0, 0];
  return Array.from({ length: hours }, (_, hour) => {
    day = 0.98 * day + 2 * gauss(random);
    front = 0.8 * front + 1.5 * gauss(random);
    const daily = 8 * Math.sin((2 * Math.PI * ((hour % 24) - 9)) / 24);
    const rows = isOpen(hour % 24, Math.floor(hour / 24)) ? rowsPerHour : 0;
    return Array.from({ length: rows }, (_row, index) => {
      const at = hour + index / rows;
      return [at, of(55 + day + daily + front + gauss(random), at)] as const;
    });
  }).flat();
}

function gauss(random: Random): number {
  return normalQuantile(random() + 2 ** -33);
}

const buildYear = (world: Partial<WeatherWorld> = {}) =>
  weather({ seed: 1, hours: 24 * 7 * 26, ...world });
const bins = [
  numberBins(
    'temp',
    buildYear().map(([, value]) => Number(value)),
  ),
];
const counter = openRowCounter({ features: bins, pairs: [] });

/** @param size rows of one look */
function batches(
  rows: readonly (readonly [at: number, value: unknown])[],
  size = 10,
): readonly HourCounts[] {
  const found: { hour: number; values: unknown[] }[] = [];
  for (const [at, value] of rows) {
    const hour = Math.floor(at);
    const last = found.at(-1);
    if (last?.hour === hour && last.values.length < size) last.values.push(value);
    else found.push({ hour, values: [value] });
  }
  return found.map(({ hour, values }) => {
    const counts = counter.empty();
    for (const value of values) counter.count(counts, () => value);
    return { hour: new Date(firstHour + hour * hourMs).toISOString(), ...counts, score: null };
  });
}

function learn(rows: ReturnType<typeof weather>): MonitorReference {
  return learnReference({
    bins,
    scoreBins: null,
    pairs: [],
    hours: batches(rows, Infinity),
    timezone: 'UTC',
    settings,
  });
}

const year = learn(buildYear());
const isDay = (hour: number) => hour >= 5;
const days = learn(buildYear({ isOpen: isDay }));
const watch = (rows: ReturnType<typeof weather>, reference = year) =>
  addHourCounts(emptyDrift(reference), reference, batches(rows));
const jumpIn = (state: DriftState, reference = year): NonNullable<FeatureDrift['jump']> => {
  const found = driftResults(state, reference)[0]?.jump;
  if (!found) throw new Error('jumps are not tested');
  return found;
};

const celsius = (value: number) => ((value - 32) * 5) / 9;
const changed = 24 * 9 + 14.5;
const live = { seed: 2, hours: 24 * 12 };
const broken: WeatherWorld = {
  ...live,
  of: (value, at) => (at >= changed ? celsius(value) : value),
};

describe('a jump', () => {
  test('from Fahrenheit to Celsius in the middle of an hour is found within an hour', () => {
    const until = (hours: number) => weather(broken).filter(([at]) => at < changed + hours);
    expect(jumpIn(watch(until(0))).alarm).toBeNull();
    const { alarm } = jumpIn(watch(until(1)));
    expect(alarm?.before).toBeGreaterThan(45);
    expect(alarm?.after).toBeLessThan(35);
    expect(alarm?.hours).toBeLessThanOrEqual(2);
    expect(alarm?.largest).toBeLessThan(20);
  });

  test('is found though the distribution of the feature is hardly tested', () => {
    const [drift] = driftResults(watch(weather(broken)), year);
    expect(drift?.jump?.raised).toBe(1);
    expect(drift?.signals.find(({ scale }) => scale === 'hour')?.tolerance ?? 1).toBeGreaterThan(
      0.5,
    );
  });

  test('in a night without requests is found in the first hour of the day', () => {
    const night: WeatherWorld = {
      ...live,
      isOpen: isDay,
      of: (value, at) => (at >= 24 * 9 + 2 ? celsius(value) : value),
    };
    const rows = weather(night).filter(([at]) => at < 24 * 9 + 6);
    expect(jumpIn(watch(rows, days), days).alarm?.hours).toBeGreaterThanOrEqual(6);
  });

  test('over a gap of more than twelve hours is not known', () => {
    const gap: WeatherWorld = {
      ...live,
      isOpen: (hour, day) => day !== 9 && hour < 24,
      of: (value, at) => (at >= 24 * 9 ? celsius(value) : value),
    };
    expect(jumpIn(watch(weather(gap))).raised).toBe(0);
  });
});

describe('no jump', () => {
  test('is found in quiet half-years of nights without requests', () => {
    const { hits } = rateIn(4, (seed) => {
      const rows = weather({ seed: 100 + seed, hours: 24 * 7 * 26, isOpen: isDay });
      return jumpIn(watch(rows, days), days).raised > 0;
    });
    // All tests together may raise two in these four half-years; jumps are one of many.
    expect(hits).toBe(0);
  });

  test('is made by values out of any range, missing values or texts', () => {
    const odd = [1e12, NaN, null, 'warm', -Infinity];
    const rows = weather({
      ...live,
      of: (value, at) => (Math.round(at * 40) % 7 === 0 ? odd[Math.floor(at) % 5] : value),
    });
    expect(jumpIn(watch(rows)).raised).toBe(0);
  });

  test('is hidden by them', () => {
    const rows = weather({
      ...live,
      of: (value, at) => {
        if (Math.round(at * 40) % 7 === 0) return 1e12;
        return at >= changed ? celsius(value) : value;
      },
    });
    expect(jumpIn(watch(rows)).raised).toBe(1);
  });

  test('is a slow change of the same size', () => {
    const slow = weather({
      ...live,
      of: (value, at) => value - 0.5 * Math.min(80, Math.max(0, at - 100)),
    });
    expect(jumpIn(watch(slow)).raised).toBe(0);
  });
});

describe('the alarm of a jump', () => {
  const repaired = (hours: number): WeatherWorld => ({
    ...live,
    hours: 24 * 25,
    of: (value, at) => (at >= changed && at < changed + hours ? celsius(value) : value),
  });
  const after = (hours: number, world: WeatherWorld) =>
    jumpIn(watch(weather(world).filter(([at]) => at < changed + hours)));

  test('ends when the mean jumps back, which is no jump of its own', () => {
    const world = repaired(30);
    expect(after(29, world).alarm).not.toBeNull();
    expect(after(32, world).alarm).toBeNull();
    expect(after(24 * 14, world).raised).toBe(1);
  });

  test.each([1, 1.4, 3])('ends soon if the mean was broken for %d hours', (hours) => {
    const found = after(hours + 4, repaired(hours));
    expect(found).toMatchObject({ alarm: null, raised: 1 });
  });

  test('ends after a week at the latest', () => {
    const world = repaired(Infinity);
    expect(after(24 * 7 - 2, world).alarm).not.toBeNull();
    expect(after(24 * 7 + 2, world).alarm).toBeNull();
    expect(after(24 * 14, world).raised).toBe(1);
  });
});

describe('the state of jumps', () => {
  test('does not depend on calls or on storage as JSON', () => {
    const looks = batches(weather(broken));
    const stored = looks.reduce(
      (state, look) => addHourCounts(JSON.parse(JSON.stringify(state)) as DriftState, year, [look]),
      emptyDrift(year),
    );
    expect(stored).toEqual(addHourCounts(emptyDrift(year), year, looks));
  });

  test('leaves out rows of an hour that is over', () => {
    const looks = batches(weather(live));
    const late = batches(weather({ ...live, of: () => 20 })).slice(-200, -100);
    expect(jumpIn(addHourCounts(emptyDrift(year), year, [...looks, ...late])).raised).toBe(0);
  });
});

describe('a reference', () => {
  test('with few requests in an hour says so', () => {
    const sparse = learn(buildYear({ rowsPerHour: 1 }));
    const { limits } = jumpIn(emptyDrift(sparse), sparse);
    expect(limits[0]?.tolerance).toBeNull();
    expect(limits[0]?.reason).toMatch(/0 pairs of hours with 20 rows or more/);
  });

  test('of a constant has no test of jumps', () => {
    const reference = learnReference({
      bins: [numberBins('temp', [7, 7, 7])],
      scoreBins: null,
      pairs: [],
      hours: [],
      timezone: 'UTC',
      settings,
    });
    expect(reference.features[0]?.jump).toBeUndefined();
  });

  test('that was stored without means by hour raises no alarm of jumps', () => {
    const old = {
      ...year,
      features: year.features.map(({ jump: _, ...feature }) => feature),
    };
    const [drift] = driftResults(watch(weather(broken), old), old);
    expect(drift?.jump).toBeNull();
  });

  test('states a tolerance above the largest change that it holds', () => {
    const { limits } = jumpIn(emptyDrift(days), days);
    for (const { tolerance, largest } of limits)
      expect(tolerance ?? 0).toBeGreaterThan(largest ?? Infinity);
    expect(limits[1]?.largest).toBeGreaterThan(limits[0]?.largest ?? Infinity);
  });
});
