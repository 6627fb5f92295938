import type { FeatureBins } from '../../../domain/monitoring/bins';
import { openRowCounter } from '../../../domain/monitoring/observation/row-counter';
import type { HourCounts } from '../../../domain/monitoring/reference';
import { normalQuantile } from '../../../domain/statistics/distributions';
import { seededRandom, type Random } from '../../../domain/statistics/random';

/** Traffic of two features: a number whose mean differs from day to day, and a category. */
export const worldBins: readonly FeatureBins[] = [
  {
    kind: 'number',
    name: 'amount',
    edges: [-6, -1.28, -0.84, -0.52, -0.25, 0, 0.25, 0.52, 0.84, 1.28, 6],
  },
  { kind: 'category', name: 'country', values: ['at', 'de', 'fr'], rare: ['li', 'mt'] },
];

export interface HourWorld {
  readonly seed: number;
  readonly hours: number;
  readonly rowsPerHour: number;
  /** Standard deviation of the days' means, in standard deviations of a row. */
  readonly daySd?: number;
  /** Correlation of the means of consecutive days. */
  readonly correlation?: number;
  /** Changes the values of a row from this hour on. */
  readonly shift?: { readonly from: number; readonly of: (row: WorldRow) => WorldRow };
  readonly firstHour?: string;
}

export interface WorldRow {
  readonly amount: unknown;
  readonly country: unknown;
}

export function worldHours(world: HourWorld): readonly HourCounts[] {
  const random = seededRandom([world.seed, world.hours, world.rowsPerHour, 5]);
  const { daySd = 0, correlation = 0 } = world;
  const start = Date.parse(world.firstHour ?? '2024-01-01T00:00:00Z');
  let day = daySd * gauss(random);
  return Array.from({ length: world.hours }, (_, hour) => {
    if (hour > 0 && hour % 24 === 0)
      day = correlation * day + Math.sqrt(1 - correlation ** 2) * daySd * gauss(random);
    const rows = Array.from({ length: world.rowsPerHour }, () => {
      const row: WorldRow = { amount: day + gauss(random), country: countryBy(random()) };
      return world.shift && hour >= world.shift.from ? world.shift.of(row) : row;
    });
    return buildHour(new Date(start + hour * 3_600_000).toISOString(), rows);
  });
}

export function buildHour(hour: string, rows: readonly WorldRow[]): HourCounts {
  const counter = openRowCounter({ features: worldBins, pairs: [] });
  const counts = counter.empty();
  for (const row of rows) counter.count(counts, (name) => row[name as keyof WorldRow]);
  return { hour, ...counts, score: null };
}

function countryBy(u: number): string {
  if (u < 0.5) return 'at';
  if (u < 0.8) return 'de';
  return u < 0.98 ? 'fr' : 'li';
}

function gauss(random: Random): number {
  return normalQuantile(random() + 2 ** -33);
}
