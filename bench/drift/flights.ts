import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { categoryBins, numberBins, type FeatureBins } from '../../domain/monitoring/bins';
import { learnPairs, type FeaturePair } from '../../domain/monitoring/feature-pairs';
import { openRowCounter, type RowBins } from '../../domain/monitoring/observation/row-counter';
import type { HourCounts } from '../../domain/monitoring/reference';

const root = resolve(__dirname, '..', '..');
const sample = join(root, 'samples', 'flight-delay', 'sql');

export type Values = Readonly<Record<string, unknown>>;

/** One flight of 2013 as the features of the sample lifecycle see it. */
export interface Flight {
  /** Milliseconds of the clocks in New York, as if they were UTC, so that weeks can be moved. */
  readonly at: number;
  readonly values: Values;
  readonly late: boolean | null;
}

export const weekMs = 7 * 86_400_000;
/** The first Monday of 2013. */
export const firstMonday = Date.parse('2013-01-07T00:00:00Z');

/** Whole weeks of flights in order of event time, through the SQL of the sample lifecycle. */
export async function readWeeks(): Promise<readonly (readonly Flight[])[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    for (const table of ['flights', 'weather'])
      await connection.run(
        `CREATE VIEW ${table} AS FROM '${join(root, '.perennial', 'samples', `${table}.parquet`)}'`,
      );
    const sql = (name: string) => readFileSync(join(sample, name), 'utf8').trim();
    await connection.run(`CREATE TABLE request AS ${sql('assemble.sql')}`);
    const features = sql('features.sql').replace(
      /^SELECT/m,
      'SELECT scheduled_at, late AS __late,',
    );
    const reader = await connection.runAndReadAll(
      `SELECT epoch_ms((scheduled_at::TIMESTAMP AT TIME ZONE 'UTC') AT TIME ZONE 'America/New_York') AS __at,
        * EXCLUDE (scheduled_at) FROM (${features}) ORDER BY __at, carrier, origin, dest`,
    );
    return groupByWeek(reader.getRowObjectsJS().map(toFlight));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function toFlight(row: Record<string, unknown>): Flight {
  const { __at: at, __late: late, ...values } = row;
  for (const [name, value] of Object.entries(values))
    if (typeof value === 'bigint') values[name] = Number(value);
  return { at: Number(at), values, late: typeof late === 'boolean' ? late : null };
}

function groupByWeek(flights: readonly Flight[]): readonly (readonly Flight[])[] {
  const weeks: Flight[][] = Array.from({ length: 51 }, () => []);
  for (const flight of flights) weeks[Math.floor((flight.at - firstMonday) / weekMs)]?.push(flight);
  return weeks;
}

/** The flights of a week at the place of another week. */
export function movedTo(flights: readonly Flight[], from: number, to: number): readonly Flight[] {
  return flights.map((flight) => ({ ...flight, at: flight.at + (to - from) * weekMs }));
}

export function buildBins(flights: readonly Flight[]): readonly FeatureBins[] {
  const names = Object.keys(flights[0]?.values ?? {});
  return names.map((name) => {
    const values = flights.map(({ values: each }) => each[name]);
    if (values.some((value) => typeof value === 'string')) {
      const counts = new Map<string, number>();
      for (const value of values)
        if (typeof value === 'string') counts.set(value, (counts.get(value) ?? 0) + 1);
      return categoryBins(name, [...counts]);
    }
    return numberBins(
      name,
      values.filter((value) => typeof value === 'number'),
    );
  });
}

export function buildPairs(
  flights: readonly Flight[],
  bins: readonly FeatureBins[],
): readonly FeaturePair[] {
  const { binRow: binsOfRow } = openRowCounter({ features: bins, pairs: [] });
  return learnPairs(
    bins,
    flights.map(({ values }) => binsOfRow((name) => values[name])),
  );
}

/** Counts of consecutive batches of at most `rows` flights, none of which crosses an hour. */
export function splitBatches(
  flights: readonly Flight[],
  by: RowBins,
  rows = Infinity,
): readonly (HourCounts & { readonly flights: readonly Flight[] })[] {
  const batches: Flight[][] = [];
  let hour = NaN;
  for (const flight of flights) {
    const own = Math.floor(flight.at / 3_600_000);
    const open = batches.at(-1);
    if (open === undefined || own !== hour || open.length >= rows) batches.push([flight]);
    else open.push(flight);
    hour = own;
  }
  const counter = openRowCounter(by);
  return batches.map((batch) => {
    const counts = counter.empty();
    for (const { values } of batch) counter.count(counts, (name) => values[name]);
    const hour = new Date(batch[0]?.at ?? 0).toISOString();
    return { hour, ...counts, score: null, flights: batch };
  });
}
