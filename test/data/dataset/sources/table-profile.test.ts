import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { profileFile } from '../../../../data/lifecycle/profile-file';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'profile-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function profile(lines: readonly string[], label: string) {
  const path = join(folder, 'table.csv');
  writeFileSync(path, lines.join('\n'));
  return profileFile({
    source: { name: 'table', uri: pathToFileURL(path).href, format: 'csv', time: null },
    label,
    policy: {
      samplesDir: folder,
      allowPrivateAddresses: false,
      files: { roots: [folder], denied: [] },
      buckets: [],
      s3: null,
    },
    limits: { maxBytes: 1 << 20, timeoutSeconds: 60 },
    scratchRoot: folder,
  });
}

describe('the profile of a table', () => {
  test('counts nulls, values and days, and finds columns that number the rows', async () => {
    const { rows, columns } = await profile(
      [
        'n,at,amount,y',
        '3,2026-01-01T10:00:00Z,1.5,a',
        '1,2026-01-01T11:00:00Z,,b',
        '2,2026-01-03T09:00:00Z,2.5,a',
      ],
      'y',
    );
    expect(rows).toBe(3);
    expect(columns).toMatchObject([
      { name: 'n', type: 'integer', isSequence: true, distinct: 3 },
      { name: 'at', type: 'timestamp', days: [20454, 20456], nulls: 0 },
      { name: 'amount', type: 'number', nulls: 1, distinct: 2, deviation: 0.5 },
      { name: 'y', type: 'string', distinct: 2 },
    ]);
  });

  test('reads text with numbers and missing marks as numbers, and a label without its marks', async () => {
    const { columns, labelValues, notes } = await profile(
      ['x,z,y', 'NA,NA,no', '2.5,b,NA', '4,c,yes', '5,d,yes'],
      'y',
    );
    expect(columns).toMatchObject([
      { name: 'x', type: 'number', sourceType: 'string', marks: ['NA'], nulls: 1 },
      { name: 'z', type: 'string', marks: [], nulls: 0 },
      { name: 'y', type: 'string', marks: ['NA'], nulls: 1, distinct: 2 },
    ]);
    expect(labelValues).toEqual([
      { value: 'yes', rows: 2 },
      { value: 'no', rows: 1 },
    ]);
    expect(notes).toEqual([]);
  });

  test('finds columns that determine the label', async () => {
    const classes = await profile(['code,other,y', '1,1,a', '1,2,a', '2,1,b', '2,2,b'], 'y');
    expect(classes.columns.map(({ determinesLabel }) => determinesLabel)).toEqual([
      true,
      false,
      false,
    ]);
    const numbers = await profile(
      [
        'twice,other,y',
        ...Array.from({ length: 200 }, (_, at) => `${2 * at},${(at * 7) % 11},${at}`),
      ],
      'y',
    );
    expect(numbers.columns.map(({ determinesLabel }) => determinesLabel)).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('recognizes dates that do not begin with the year', async () => {
    const { columns } = await profile(['at,y', '31/12/2025,1', '01/02/2026,2'], 'y');
    expect(columns[0]).toMatchObject({ type: 'string', looksLikeDate: true });
  });

  test('handles the largest and smallest numbers of their type', async () => {
    const { columns } = await profile(
      ['big,huge,y', '9223372036854775807,1e308,1', '-9223372036854775808,-1e308,2'],
      'y',
    );
    expect(columns[0]).toMatchObject({ type: 'integer', isSequence: false });
    expect(columns[1]).toMatchObject({ type: 'number', deviation: null });
  });
});
