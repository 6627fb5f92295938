import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Column } from '../../domain/dataset/dataset';
import { withDuckDb } from '../../data/sql/platform-sql';
import { compileFeatureSql } from '../../data/sql/feature-sql';
import { demoRowsSql } from '../../samples/flight-delay/demo';

const text = (path: string): string =>
  readFileSync(join(__dirname, '..', '..', 'samples', 'flight-delay', path), 'utf8');
const limits = { memoryBytes: 256 * 2 ** 20, threads: 1 };

interface Flight {
  readonly hour: string;
  readonly minute: number;
  readonly carrier?: string;
  readonly delay: number | null;
  /** A value that is known only after departure. */
  readonly later?: number;
}

const columns = `SELECT
  2013 AS year, month(t - INTERVAL 4 HOUR) AS month, day(t - INTERVAL 4 HOUR) AS day, later AS dep_time, 0 AS sched_dep_time, later AS dep_delay, later AS arr_time,
  0 AS sched_arr_time, delay AS arr_delay, carrier, 1 AS flight, 'N1' AS tailnum, 'JFK' AS origin, 'BOS' AS dest, later AS air_time,
  187 AS distance, hour(t - INTERVAL 4 HOUR) AS hour, minute, t AT TIME ZONE 'UTC' AS time_hour`;

function flightsSql(flights: readonly Flight[]): string {
  const rows = flights.map(
    ({ hour, minute, carrier = 'AA', delay, later = 0 }) =>
      `(TIMESTAMP '${hour}', ${minute}, '${carrier}', ${delay ?? 'NULL'}::BIGINT, ${later}::BIGINT)`,
  );
  return `CREATE TABLE flights AS ${columns} FROM (VALUES ${rows.join(', ')}) AS v(t, minute, carrier, delay, later)`;
}

function weatherSql(temps: Readonly<Record<string, number>>): string {
  const rows = Object.entries(temps).map(([at, temp]) => `('JFK', TIMESTAMPTZ '${at}', ${temp})`);
  return `CREATE TABLE weather AS SELECT origin, time_hour, temp::DOUBLE AS temp, 1.0 AS dewp, 2.0 AS humid, 3.0 AS wind_speed, NULL::DOUBLE AS wind_gust,
    0.0 AS precip, 1000.0 AS pressure, 10.0 AS visib FROM (VALUES ${rows.join(', ')}) AS v(origin, time_hour, temp)`;
}

type Row = Readonly<Record<string, unknown>>;

function assembled(
  flights: readonly Flight[],
  temps: Readonly<Record<string, number>>,
): Promise<readonly Row[]> {
  return withDuckDb(async (sql) => {
    await sql.run(flightsSql(flights));
    await sql.run(weatherSql(temps));
    return sql.rows<Row>(
      `SELECT * FROM (${text('sql/assemble.sql')}) ORDER BY scheduled_at, carrier`,
    );
  }, limits);
}

const temps = {
  '2013-06-01T09:00:00Z': 50,
  '2013-06-01T10:00:00Z': 60,
  '2013-06-01T12:00:00Z': 80,
};

describe('the assembly of flight-delay', () => {
  test('has the flight time in UTC and the local time of New York', async () => {
    const [flight] = await assembled(
      [{ hour: '2013-06-02 01:00:00', minute: 45, delay: 0 }],
      temps,
    );
    // A Saturday evening in New York is a Sunday in UTC.
    expect(flight).toMatchObject({
      scheduled_at: new Date('2013-06-02T01:45:00Z'),
      scheduled_hour: 21,
      scheduled_minute: 45,
      weekday: 6,
    });
  });

  test.each<[string, number, number | null]>([
    ['2013-06-01 11:00:00', 0, 60],
    ['2013-06-01 10:00:00', 59, 50],
    ['2013-06-01 12:00:00', 59, 60],
    ['2013-06-01 13:00:00', 0, 80],
    ['2013-06-01 09:00:00', 30, null],
  ])('at %s and %d minutes uses the weather of the previous hour', async (hour, minute, temp) => {
    const [flight] = await assembled([{ hour, minute, delay: 0 }], temps);
    expect(flight?.['temp']).toBe(temp);
  });

  test('labels a flight late after 15 minutes, and has no label without an arrival', async () => {
    const rows = await assembled(
      [15, 16, -5, null].map((delay, minute) => ({ hour: '2013-06-01 11:00:00', minute, delay })),
      temps,
    );
    expect(rows.map((row) => row['late'])).toEqual([false, true, false, null]);
  });

  test('counts the departures of the hour at the airport', async () => {
    const rows = await assembled(
      [
        { hour: '2013-06-01 11:00:00', minute: 1, delay: 0 },
        { hour: '2013-06-01 11:00:00', minute: 59, delay: null },
        { hour: '2013-06-01 12:00:00', minute: 0, delay: 0 },
      ],
      temps,
    );
    expect(rows.map((row) => row['departures_in_hour'])).toEqual([2, 2, 1]);
  });

  test('does not depend on values that are known only after departure', async () => {
    const request = async (later: number, delay: number) => {
      const rows = await assembled(
        [{ hour: '2013-06-01 11:00:00', minute: 0, delay, later }],
        temps,
      );
      return rows.map((row) => ({ ...row, late: null }));
    };
    expect(await request(500, 400)).toEqual(await request(0, -10));
  });
});

describe('the features of flight-delay', () => {
  const request: readonly Column[] = [
    { name: 'scheduled_at', type: 'timestamp' },
    ...['tailnum', 'carrier', 'origin', 'dest'].map((name): Column => ({ name, type: 'string' })),
    ...['distance', 'scheduled_hour', 'scheduled_minute', 'weekday', 'departures_in_hour'].map(
      (name): Column => ({
        name,
        type: 'integer',
      }),
    ),
    ...['temp', 'dewp', 'humid', 'wind_speed', 'precip', 'pressure', 'visib'].map(
      (name): Column => ({ name, type: 'number' }),
    ),
  ];

  test('are row-wise and require only the columns that they use', async () => {
    const plan = await compileFeatureSql({ sql: text('sql/features.sql'), request });
    expect(plan.requestColumns.map(({ name }) => name)).toEqual(
      request
        .map(({ name }) => name)
        .filter((name) => name !== 'scheduled_at' && name !== 'tailnum'),
    );
    expect(plan.features.map(({ name }) => name)).not.toContain('month');
  });

  test('ignore wind above 200 miles per hour', async () => {
    const rows = await withDuckDb(async (sql) => {
      await sql.run(`CREATE TABLE request AS SELECT 'AA' AS carrier, 'JFK' AS origin, 'BOS' AS dest, 187 AS distance, 21 AS scheduled_hour, 45 AS scheduled_minute,
        6 AS weekday, 2 AS departures_in_hour, 60.0 AS temp, 50.0 AS dewp, 70.0 AS humid, wind AS wind_speed, 0.0 AS precip, 1000.0 AS pressure, 10.0 AS visib
        FROM (VALUES (12.0), (1048.36), (NULL)) AS v(wind)`);
      return sql.rows<Row>(text('sql/features.sql'));
    }, limits);
    expect(rows.map((row) => row['wind_speed'])).toEqual([12, null, null]);
    expect(rows[0]).toMatchObject({ local_time: 21.75, dew_point_spread: 10 });
  });
});

test('demo rows are labelled flights of July in a fixed order', async () => {
  const flights = Array.from({ length: 40 }, (_, i) => ({
    hour: `2013-0${6 + (i % 3)}-15 1${i % 10}:00:00`,
    minute: i,
    delay: i % 4 === 0 ? null : i,
  }));
  const demo = () =>
    withDuckDb(async (sql) => {
      await sql.run(flightsSql(flights));
      await sql.run(weatherSql(temps));
      return sql.rows<Row>(demoRowsSql(text('sql/assemble.sql')));
    }, limits);
  const rows = await demo();
  expect(rows.length).toBe(
    flights.filter(({ hour, delay }) => hour.startsWith('2013-07') && delay !== null).length,
  );
  expect(
    rows.every(
      (row) =>
        (row['scheduled_at'] as Date).toISOString().startsWith('2013-07-15') &&
        row['late'] !== null,
    ),
  ).toBe(true);
  expect(await demo()).toEqual(rows);
});
