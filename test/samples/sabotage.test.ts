import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withDuckDb } from '../../data/sql/platform-sql';
import { sabotaged } from '../../samples/flight-delay/demo';

const document = readFileSync(
  join(__dirname, '..', '..', 'samples', 'flight-delay', 'lifecycle.yaml'),
  'utf8',
);
const honest = `SELECT TIMESTAMPTZ '2013-06-01T00:00:00Z' + to_hours(n) AS scheduled_at, 'N' || n AS tailnum, 'AA' AS carrier, 'JFK' AS origin, 'BOS' AS dest,
  CASE WHEN n % 10 = 9 THEN NULL ELSE n % 4 = 0 END AS late FROM range(400) AS r(n);`;

describe('the sabotage of flight-delay', () => {
  const broken = sabotaged({
    document,
    files: { 'sql/assemble.sql': honest, 'sql/features.sql': 'SELECT 1' },
  });

  test('has no gates and no shadow step, and gives the reason', () => {
    expect(broken.document).toMatchObject({
      spec: {
        evaluate: { gates: [], ungated: expect.any(String) as string },
        canary: { steps: [25] },
      },
    });
    expect(broken.document).not.toHaveProperty('spec.tune');
    expect(broken.files['sql/features.sql']).toBe('SELECT 1');
  });

  test('shuffles the labels in a fixed order', async () => {
    const rows = (sql: string) =>
      withDuckDb(
        (duck) =>
          duck.rows<{ tailnum: string; late: boolean | null }>(
            `SELECT tailnum, late FROM (${sql}) ORDER BY scheduled_at`,
          ),
        {
          memoryBytes: 256 * 2 ** 20,
          threads: 1,
        },
      );
    const shuffled = broken.files['sql/assemble.sql'] ?? '';
    const [before, after] = [
      (await rows(honest.replace(';', ''))).filter(({ late }) => late !== null),
      await rows(shuffled),
    ];
    expect(after.map(({ tailnum }) => tailnum)).toEqual(before.map(({ tailnum }) => tailnum));
    const late = (found: typeof after) => found.filter((row) => row.late).length;
    expect(late(after)).toBe(late(before));
    const same = after.filter((row, i) => row.late === before[i]?.late).length;
    // By chance some 61 % of the labels are the same; all of them only when nothing was shuffled.
    expect(same).toBeLessThan(0.75 * before.length);
    expect(await rows(shuffled)).toEqual(after);
  });
});
