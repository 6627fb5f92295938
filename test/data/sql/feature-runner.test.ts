import fc from 'fast-check';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  openFeatureRunner,
  type FeatureColumns,
  type FeatureRunner,
} from '../../../data/sql/feature-runner';
import { compileFeatureSql } from '../../../data/sql/feature-sql';
import type { FeaturePlan } from '../../../data/sql/feature-compiler';
import { writeFeatureTables } from '../../../data/sql/feature-table';
import { quoteText, readParquet, withDuckDb } from '../../../data/sql/platform-sql';
import type { Column } from '../../../domain/dataset/dataset';

const inProcess = { memoryBytes: 256e6, threads: 1 };
const limits = { memoryBytes: 512 * 1024 * 1024, seconds: 30 };
const patient = { deadlineMs: 10_000 };

const request: readonly Column[] = [
  { name: 'scheduled_at', type: 'timestamp' },
  { name: 'carrier', type: 'string' },
  { name: 'distance', type: 'integer' },
  { name: 'temp', type: 'number' },
  { name: 'holiday', type: 'boolean' },
  { name: 'unused', type: 'string' },
];
const sql = `
  SELECT hour(scheduled_at) AS hour, epoch(scheduled_at) AS at, carrier, upper(carrier) || '!' AS loud, length(carrier) AS letters,
         distance, distance % 7 AS rest, temp, coalesce(temp, -1) AS temp_or, temp * 1e3 AS kilo, 1 / temp AS inverse, holiday,
         CASE WHEN carrier < 'm' THEN 'early' WHEN carrier IS NULL THEN NULL ELSE 'late' END AS half,
         (distance % 100)::TINYINT AS tiny, (distance % 30000)::SMALLINT AS small, abs(distance % 1000)::UINTEGER AS whole,
         TRY_CAST(temp AS FLOAT) AS narrow, (distance % 1000) * 0.25 AS quarters, distance::HUGEINT * 3 AS huge
  FROM request`;

let plan: FeaturePlan;
let runner: FeatureRunner;
beforeAll(async () => {
  plan = await compileFeatureSql({ sql, request });
  runner = await openFeatureRunner(plan);
});
afterAll(() => runner.close());

const row = {
  scheduled_at: '2013-07-01T05:30:00+02:00',
  carrier: 'UA',
  distance: 1400,
  temp: 70.5,
  holiday: false,
};

describe('running features over request rows', () => {
  test('returns columns in the order of the rows', async () => {
    const columns = await runner.run([row, { ...row, distance: 3, carrier: 'éa' }], patient);
    expect(columns).toMatchObject({
      hour: [3, 3],
      at: [1372649400, 1372649400],
      carrier: ['UA', 'éa'],
      loud: ['UA!', 'ÉA!'],
      letters: [2, 2],
      distance: [1400, 3],
      temp: [70.5, 70.5],
      holiday: [0, 0],
      half: ['early', 'late'],
    });
  });

  test('missing numbers are NaN and missing text is the reserved string, whether sent as null or as such', async () => {
    const columns = await runner.run(
      [
        { scheduled_at: null, carrier: null, distance: null, temp: null, holiday: null },
        { ...row, temp: Number.NaN, carrier: '__missing__' },
      ],
      patient,
    );
    expect(columns).toMatchObject({
      hour: [NaN, 3],
      carrier: ['__missing__', '__missing__'],
      loud: ['__missing__', '__missing__'],
      distance: [NaN, 1400],
      temp: [NaN, NaN],
      temp_or: [-1, -1],
      holiday: [NaN, 0],
      half: ['__missing__', '__missing__'],
    });
  });

  test('numbers that a 32-bit float cannot hold are missing', async () => {
    const columns = await runner.run(
      [1e39, -1e300, Infinity, 1e-320, 0].map((temp) => ({ ...row, temp })),
      patient,
    );
    expect(columns.temp).toEqual([NaN, NaN, NaN, 1e-320, 0]);
    expect(columns.inverse?.[4]).toBeNaN();
  });

  test('no rows give empty columns', async () => {
    expect((await runner.run([], patient)).hour).toEqual([]);
  });

  test('concurrent batches do not mix', async () => {
    const batches = await Promise.all(
      [1, 2, 3, 4, 5].map((distance) => runner.run([{ ...row, distance }], patient)),
    );
    expect(batches.map((columns) => columns.distance)).toEqual([[1], [2], [3], [4], [5]]);
  });

  test('a batch may be larger than one chunk of DuckDB', async () => {
    const columns = await runner.run(
      Array.from({ length: 5000 }, (_, distance) => ({ ...row, distance })),
      patient,
    );
    expect(columns.distance).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  });
});

describe('a row that does not fit the signature is InvalidInput with its place', () => {
  test.each([
    ['an absent field', { ...row, temp: undefined }, "row 1: 'temp' is missing; expected a number"],
    [
      'a number as text',
      { ...row, distance: '14' },
      "row 1: 'distance' is text; expected a whole number",
    ],
    [
      'a fraction',
      { ...row, distance: 1.5 },
      "row 1: 'distance' is a number with a fraction; expected a whole number",
    ],
    [
      'an integer beyond 64 bits',
      { ...row, distance: 2n ** 63n },
      "'distance' is a whole number out of range",
    ],
    [
      'an integer that JSON has already rounded',
      { ...row, distance: 2 ** 53 },
      "'distance' is a whole number out of range",
    ],
    ['a number for text', { ...row, carrier: 7 }, "'carrier' is a whole number"],
    ['a list', { ...row, carrier: ['UA'] }, "'carrier' is a list"],
    ['a number for a boolean', { ...row, holiday: 1 }, "'holiday' is"],
    [
      'a time without zone',
      { ...row, scheduled_at: '2013-07-01T05:30:00' },
      "'scheduled_at' is text; expected an RFC 3339 time",
    ],
    [
      'the 31st of February',
      { ...row, scheduled_at: '2013-02-31T05:30:00Z' },
      "'scheduled_at' is text",
    ],
    ['a word for a time', { ...row, scheduled_at: 'now' }, "'scheduled_at' is text"],
  ])('%s', async (_, bad, message) => {
    await expect(runner.run([row, bad], patient)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining(message) as string,
    });
  });

  test('the runner still works afterwards', async () => {
    await expect(runner.run([{}], patient)).rejects.toMatchObject({ type: 'InvalidInput' });
    expect((await runner.run([row], patient)).distance).toEqual([1400]);
  });
});

describe('SQL that fails on a row', () => {
  test('is SqlInvalid without the value, and the next batch succeeds', async () => {
    const strict = await openFeatureRunner(
      await compileFeatureSql({
        sql: 'SELECT carrier::INTEGER AS c FROM request',
        request,
        file: 'sql/features.sql',
      }),
    );
    await expect(strict.run([{ carrier: 'very secret' }], patient)).rejects.toMatchObject({
      type: 'SqlInvalid',
      message: expect.stringMatching(
        /^sql\/features\.sql: Could not convert string … to INT32/,
      ) as string,
    });
    await expect(strict.run([{ carrier: '12' }], patient)).resolves.toEqual({ c: [12] });
    strict.close();
  });

  test('or is slow is SqlTimeout by its deadline, also for batches that wait behind it', async () => {
    const work = 'reverse('.repeat(8) + 'carrier' + ')'.repeat(8);
    const slow = await openFeatureRunner(
      await compileFeatureSql({ sql: `SELECT length(${work}) AS n FROM request`, request }),
    );
    const rows = Array.from({ length: 40 }, (_, i) => ({ carrier: `${'é'.repeat(200_000)}${i}` }));
    const both = [
      slow.run(rows, { deadlineMs: 300 }),
      slow.run([{ carrier: 'a' }], { deadlineMs: 310 }),
    ];
    let firstHasEnded = false;
    // Batches run one at a time, so this one waits for the first.
    const behind = slow
      .run([{ carrier: 'ab' }], { deadlineMs: 60_000 })
      .finally(() => (firstHasEnded = true));
    const [first, second] = await Promise.allSettled(both);
    expect(firstHasEnded).toBe(false);
    expect([first, second]).toMatchObject([
      { status: 'rejected', reason: { type: 'SqlTimeout' } },
      { status: 'rejected', reason: { type: 'SqlTimeout' } },
    ]);
    await expect(behind).resolves.toEqual({ n: [2] });
    slow.close();
  });
});

describe('training and serving', () => {
  const anyText = fc.oneof(
    fc.constantFrom('', 'UA', 'm', '__missing__', 'NaN', "it's; --", 'ß', '𝒳\u0301'),
    fc.string({ unit: 'binary', maxLength: 12 }),
  );
  const orNull = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
    fc.option(arbitrary, { nil: null, freq: 5 });
  const anyRow = fc.record({
    scheduled_at: orNull(
      fc
        .tuple(
          fc.date({
            min: new Date('0001-01-02T00:00:00Z'),
            max: new Date('9999-12-30T00:00:00Z'),
            noInvalidDate: true,
          }),
          fc.integer({ min: 0, max: 999 }),
        )
        .map(([date, micros]) =>
          date.toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`),
        ),
    ),
    carrier: orNull(anyText),
    distance: orNull(
      fc.oneof(
        fc.constantFrom(0n, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      ),
    ),
    temp: orNull(
      fc.oneof(fc.constantFrom(NaN, Infinity, -Infinity, -0, 5e-324, 1e308), fc.double()),
    ),
    holiday: orNull(fc.boolean()),
  });

  let folder: string;
  beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'features-'))));
  afterAll(async () => rm(folder, { recursive: true, force: true }));

  test('agree on every row: nulls, NaN, infinities, unicode, extreme integers, times to the microsecond', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { minLength: 1, maxLength: 200 }), async (rows) => {
        const trained = await overParquet(rows);
        const served = await runner.run(rows, patient);
        expect(trained).toEqual(served);
      }),
      // Each attempt to shrink an example takes a second.
      { numRuns: 15, endOnFailure: true },
    );
  });

  test('agree on minus zero, which Parquet stores as the zero that it saw first', async () => {
    const row = { scheduled_at: null, carrier: null, distance: null, holiday: null };
    const rows = [0, -0, 1e-80, -1e-80].map((temp) => ({ ...row, temp }));
    const trained = await overParquet(rows);
    expect(trained['temp']).toEqual([0, 0, 1e-80, -1e-80]);
    expect(trained).toEqual(await runner.run(rows, patient));
  });

  /**
   * The values reach Parquet by a path that shares no code with the runner's parameters: SQL
   * literals.
   */
  async function overParquet(rows: readonly Record<string, unknown>[]): Promise<FeatureColumns> {
    const requestRows = join(folder, 'request.parquet');
    const features = join(folder, 'features.parquet');
    const values = rows.map(
      (r, i) =>
        `(${i}::BIGINT, ${literal(r.scheduled_at)}::TIMESTAMPTZ AT TIME ZONE 'UTC', ${literal(r.carrier)}::VARCHAR, ${literal(r.distance)}::BIGINT,
          ${literal(r.temp)}::DOUBLE, ${literal(r.holiday)}::BOOLEAN)`,
    );
    await withDuckDb(
      (db) =>
        db.run(
          `COPY (SELECT * FROM (VALUES ${values.join(', ')}) v(__row, scheduled_at, carrier, distance, temp, holiday)) TO ${quoteText(requestRows)} (FORMAT parquet)`,
        ),
      inProcess,
    );
    await writeFeatureTables({
      plan,
      tables: [{ requestRows, features }],
      carried: ['__row'],
      limits,
    });
    const table = await withDuckDb(
      (db) => db.rows<Record<string, string | number>>(`SELECT * FROM ${readParquet([features])}`),
      inProcess,
    );
    expect(table.map((r) => r.__row)).toEqual(rows.map((_, i) => i));
    return Object.fromEntries(
      plan.features.map(({ name }) => [name, table.map((r) => r[name] as string | number)]),
    );
  }

  function literal(value: unknown): string {
    if (value === null) return 'NULL';
    if (typeof value === 'string') {
      // A zero byte ends DuckDB's statement text.
      return value
        .split('\0')
        .map(quoteText)
        .join(' || chr(0) || ')
        .replace(/^(.*)$/s, '($1)');
    }
    if (typeof value === 'number') return Object.is(value, -0) ? "'-0.0'" : `'${value}'`;
    return `'${(value as bigint | boolean).toString()}'`;
  }
});
