import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deliver } from '../../../../apps/cli/demo-year/deliveries';
import { quoteText, readParquet, withDuckDb } from '../../../../data/sql/platform-sql';

const limits = { memoryBytes: 256 * 2 ** 20, threads: 1 };
const folder = mkdtempSync(join(tmpdir(), 'year-'));
const [samplesDir, delivered] = [folder, join(folder, 'delivered')];

beforeAll(() =>
  withDuckDb(async (sql) => {
    for (const name of ['flights', 'weather'])
      await sql.run(
        `COPY (SELECT TIMESTAMPTZ '2013-01-31T12:00:00Z' + to_hours(n) AS time_hour, 100 AS distance FROM range(24) AS r(n))
           TO ${quoteText(join(folder, `${name}.parquet`))} (FORMAT parquet)`,
      );
  }, limits),
);
afterAll(() => rmSync(folder, { recursive: true }));

const counts = (name: string) =>
  withDuckDb(
    (sql) =>
      sql.one<{ rows: number; distances: number }>(
        `SELECT count(*) AS rows, count(distance) AS distances FROM ${readParquet([join(delivered, `${name}.parquet`)])}`,
      ),
    limits,
  );
const until = '2013-02-01T06:00:00Z';

test('a delivery has all rows until its time, and replaces the one before', async () => {
  await deliver({ samplesDir, folder: delivered, until: '2013-02-01T00:00:00Z', brokenFrom: null });
  expect(await counts('flights')).toEqual({ rows: 12, distances: 12 });
  await deliver({ samplesDir, folder: delivered, until, brokenFrom: null });
  expect(await counts('flights')).toEqual({ rows: 18, distances: 18 });
  expect(readdirSync(delivered).sort()).toEqual(['flights.parquet', 'weather.parquet']);
});

test('a broken one lacks the distance of the newest flights', async () => {
  await deliver({ samplesDir, folder: delivered, until, brokenFrom: '2013-02-01T00:00:00Z' });
  expect(await counts('flights')).toEqual({ rows: 18, distances: 12 });
  expect(await counts('weather')).toEqual({ rows: 18, distances: 18 });
});
