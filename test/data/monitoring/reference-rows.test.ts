import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countRows, readBins, readPairs } from '../../../data/monitoring/reference-rows';
import { withDuckDb } from '../../../data/sql/platform-sql';
import type { Column } from '../../../domain/dataset/dataset';

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'reference-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

const columns: readonly Column[] = [
  { name: 'ordered_at', type: 'timestamp' },
  { name: 'seen_at', type: 'timestamp' },
  { name: 'shop', type: 'string' },
  { name: 'city', type: 'string' },
];

/** A row a minute for two hours. It was seen an hour before, and each shop is in one city. */
const rows = `SELECT i AS __row, '2024-01-01T00:00:00Z'::TIMESTAMPTZ + to_minutes(i) AS __time,
  '2024-01-01T00:00:00Z'::TIMESTAMPTZ + to_minutes(i) AS ordered_at,
  CASE WHEN i % 10 > 0 THEN '2023-12-31T23:00:00Z'::TIMESTAMPTZ + to_minutes(i) END AS seen_at,
  i AS price, 'shop ' || (i % 4) AS shop, 'city ' || (i % 2) AS city FROM range(120) r(i)`;

function inFile<Result>(
  work: (file: string, sql: Parameters<typeof readBins>[0]) => Promise<Result>,
) {
  const file = join(folder, 'rows.parquet');
  return withDuckDb(
    async (sql) => {
      await sql.connection.run(`COPY (${rows}) TO '${file}' (FORMAT parquet)`);
      return work(file, sql);
    },
    { memoryBytes: 256 << 20, threads: 1 },
  );
}

test('times are compared by their age, except the column of the event time', async () => {
  await inFile(async (file, sql) => {
    const { bins, skipped } = await readBins(sql, [file], { columns, time: 'ordered_at' });
    expect(skipped.map(({ name }) => name)).toEqual(['ordered_at']);
    expect(bins[0]).toEqual({ kind: 'number', name: 'seen_at', of: 'age', edges: [3600] });
    const hours = await countRows(sql, [file], { features: bins, pairs: [] });
    // Six rows of each hour were never seen.
    expect([...hours.values()].map(({ features }) => features['seen_at'])).toEqual([
      [6, 0, 54, 0, 0],
      [6, 0, 54, 0, 0],
    ]);
  });
});

test('without an event time no time has an age', async () => {
  await inFile(async (file, sql) => {
    const { skipped } = await readBins(sql, [file], { columns, time: null });
    expect(skipped.map(({ name }) => name)).toEqual(['ordered_at', 'seen_at']);
  });
});

test('numbers are summed by hour, as positions between the smallest and the largest', async () => {
  await inFile(async (file, sql) => {
    const { bins } = await readBins(sql, [file], {
      columns: [{ name: 'price', type: 'integer' }],
      time: 'ordered_at',
    });
    const hours = await countRows(sql, [file], { features: bins, pairs: [] });
    const sums = [...hours.values()].map(({ sums: found }) => found['price']);
    expect(sums.map((each) => each?.rows)).toEqual([60, 60]);
    expect(sums[0]?.sum).toBeCloseTo((29.5 * 60) / 119);
    expect(sums[1]?.sum).toBeCloseTo((89.5 * 60) / 119);
  });
});

test('features that belong together are learnt as a pair, and counted by its score', async () => {
  await inFile(async (file, sql) => {
    const { bins } = await readBins(sql, [file], { columns, time: 'ordered_at' });
    const pairs = await readPairs(sql, [file], bins);
    expect(pairs.map((pair) => pair.bins.name)).toContain('shop × city');
    const hours = await countRows(sql, [file], { features: bins, pairs });
    for (const counts of hours.values())
      expect(counts.pairs['shop × city']?.reduce((sum, each) => sum + each)).toBe(60);
  });
});
