import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  assemble,
  type AssembledFiles,
  type AssemblyRun,
} from '../../../../data/dataset/assemble/assemble';
import { digestOfFile } from '../../../../data/digest';
import { quoteText, readParquet, withDuckDb } from '../../../../data/sql/platform-sql';
import { assembledParts } from '../../../../domain/dataset/split';
import { isPerennialError, type PerennialError } from '../../../../domain/failure';
import type { DataSpec, TimeSpec } from '../../../../domain/lifecycle/lifecycle';

const inProcess = { memoryBytes: 256e6, threads: 1 };
let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'assemble-'))));
afterEach(async () => rm(folder, { recursive: true, force: true }));

/**
 * 100 days from January 2013 with four trips per day. A trip is late when its number is a multiple
 * of three.
 */
const trips = `
  SELECT i AS trip, TIMESTAMP '2013-01-01' + to_hours(i * 6) AS starts_at, ['AA', 'UA', NULL][(i % 3 + 1)::INTEGER] AS carrier,
         CASE WHEN i % 5 = 0 THEN NULL ELSE i / 10 END AS temp, 'T' || i % 4 AS tail, i % 3 = 0 AS late
  FROM range(400) r(i)`;

const spec: DataSpec & { readonly time: TimeSpec } = {
  sources: [],
  assemble: 'sql/assemble.sql',
  features: 'sql/features.sql',
  label: { column: 'late', availableAfterSeconds: 12 * 3600, dependsOnPrediction: false },
  time: {
    column: 'starts_at',
    window: { months: 0, seconds: 90 * 86_400 },
    until: 'latest',
    timezone: 'UTC',
  },
  entity: 'tail',
  split: { by: 'time', tuningDays: 20, confirmDays: 10, holdoutDays: 20 },
  maxBytes: 1e9,
  timeoutSeconds: 30,
};

interface Given {
  readonly source?: string;
  readonly sql?: string;
  readonly features?: string;
  readonly data?: Partial<DataSpec>;
  readonly task?: AssemblyRun['task'];
}

async function run({
  source = trips,
  sql = 'SELECT * FROM trips',
  features = defaultFeatures,
  data = {},
  task = null,
}: Given = {}): Promise<AssembledFiles> {
  await withDuckDb(
    (db) => db.run(`COPY (${source}) TO ${quoteText(`${folder}/trips.parquet`)} (FORMAT parquet)`),
    inProcess,
  );
  return assemble({
    data: { ...spec, ...data },
    task,
    assembleSql: sql,
    featuresSql: features,
    window: { from: '2013-01-06T00:00:00Z', until: '2013-04-06T00:00:00Z' },
    tables: { trips: [join(folder, 'trips.parquet')] },
    folder,
    limits: { memoryBytes: 512 * 2 ** 20, seconds: 30 },
    signal: new AbortController().signal,
  });
}

const defaultFeatures = 'SELECT hour(starts_at) AS hour, carrier, temp FROM request';

async function refusal(given: Given): Promise<PerennialError> {
  const error: unknown = await run(given).then(
    () => new Error('was assembled'),
    (reason: unknown) => reason,
  );
  if (!isPerennialError(error)) throw error;
  return error;
}

function read(path: string): Promise<Record<string, unknown>[]> {
  return withDuckDb((db) => db.rows(`SELECT * FROM ${readParquet([path])}`), inProcess);
}

const everyPart = async (files: AssembledFiles, kind: 'requestRows' | 'features') =>
  (await Promise.all(assembledParts.map((part) => read(files.parts[part][kind])))).flat();

describe('assembling', () => {
  test('splits labelled rows by time, each exactly once', async () => {
    const files = await run();
    expect(files).toMatchObject({
      task: 'classification',
      labelType: 'boolean',
      request: [{ name: 'starts_at' }, { name: 'carrier' }, { name: 'temp' }],
    });
    const rows = await everyPart(files, 'requestRows');
    // 90 days of four trips, without those of the last half day, whose labels came too
    // late.
    expect(files.dropped).toEqual({
      outsideWindow: 40,
      withoutTime: 0,
      withoutLabel: 0,
      unripe: 1,
    });
    expect(rows.map((row) => row.__row)).toEqual(Array.from({ length: 359 }, (_, i) => i));
    expect(rows.map((row) => row.trip)).toEqual(Array.from({ length: 359 }, (_, i) => i + 20));
    expect(
      assembledParts.map((part) => [files.parts[part].rows, files.parts[part].window]),
    ).toEqual([
      [160, { from: '2013-01-06T00:00:00Z', until: '2013-02-15T00:00:00Z' }],
      [80, { from: '2013-02-15T00:00:00Z', until: '2013-03-07T00:00:00Z' }],
      [40, { from: '2013-03-07T00:00:00Z', until: '2013-03-17T00:00:00Z' }],
      [79, { from: '2013-03-17T00:00:00Z', until: '2013-04-06T00:00:00Z' }],
    ]);
  });

  test('request rows have every column except the label, and the columns of Perennial', async () => {
    const files = await run();
    const [first] = await read(files.parts.train.requestRows);
    expect(first).toEqual({
      trip: 20,
      starts_at: new Date('2013-01-06T00:00:00Z'),
      carrier: null,
      temp: null,
      tail: 'T0',
      __row: 0,
      __label: 0,
      __time: new Date('2013-01-06T00:00:00Z'),
      __entity: 'T0',
      __day: '2013-01-06',
    });
    expect((await read(files.parts.train.requestRows))[1]).toMatchObject({ trip: 21, __label: 1 });
  });

  test('feature rows match request rows one by one and contain no null', async () => {
    const files = await run();
    const [requests, features] = [
      await everyPart(files, 'requestRows'),
      await everyPart(files, 'features'),
    ];
    expect(
      features.map(({ __row, __label, __time, __entity, __day }) => ({
        __row,
        __label,
        __time,
        __entity,
        __day,
      })),
    ).toEqual(
      requests.map(({ __row, __label, __time, __entity, __day }) => ({
        __row,
        __label,
        __time,
        __entity,
        __day,
      })),
    );
    expect(features[0]).toMatchObject({ hour: 0, carrier: '__missing__', temp: NaN });
    expect(features[1]).toMatchObject({ hour: 6, carrier: 'AA', temp: 2.1 });
  });

  test('equal rows give equal bytes in any order', async () => {
    const digests = async (files: AssembledFiles) =>
      Promise.all(
        assembledParts.flatMap((part) => [
          digestOfFile(files.parts[part].requestRows),
          digestOfFile(files.parts[part].features),
        ]),
      );
    const first = await digests(await run());
    expect(
      await digests(await run({ source: `SELECT * FROM (${trips}) ORDER BY hash(trip)` })),
    ).toEqual(first);
  });

  test('rows without time or label are left out and counted, also when the label is not finite', async () => {
    const files = await run({
      sql: `SELECT * REPLACE (CASE WHEN trip = 100 THEN NULL ELSE starts_at END AS starts_at,
              CASE trip WHEN 101 THEN NULL WHEN 102 THEN 'NaN'::DOUBLE WHEN 103 THEN 'inf'::DOUBLE WHEN 379 THEN NULL ELSE trip / 7 END AS late) FROM trips`,
    });
    expect(files.task).toBe('regression');
    // Trip 379 has no label because it is too early to know one.
    expect(files.dropped).toEqual({
      outsideWindow: 40,
      withoutTime: 1,
      withoutLabel: 3,
      unripe: 1,
    });
    const labels = (await everyPart(files, 'features')).map((row) => row.__label as number);
    expect(labels).toHaveLength(355);
    expect(labels.every(Number.isFinite)).toBe(true);
  });

  test('without an entity the column is null', async () => {
    const files = await run({ data: { entity: null } });
    expect((await read(files.parts.holdout.features))[0]).toMatchObject({ __entity: null });
  });

  test.each<[string, string, AssemblyRun['task'], string]>([
    ['true and false', 'late', null, 'classification'],
    ['0 and 1', 'late::INTEGER', null, 'classification'],
    ['other whole numbers', 'trip', null, 'regression'],
    ['decimal 0 and 1 by default', 'late::DOUBLE', null, 'regression'],
    [
      'decimal 0 and 1 with the task classification',
      'late::DOUBLE',
      'classification',
      'classification',
    ],
    ['0 and 1 with the task regression', 'late::INTEGER', 'regression', 'regression'],
  ])('the task of %s', async (_, label, task, expected) => {
    expect((await run({ sql: `SELECT * REPLACE (${label} AS late) FROM trips`, task })).task).toBe(
      expected,
    );
  });
});

describe('several classes', () => {
  const kinds = `SELECT * REPLACE (['late', 'early', 'on time'][(trip % 3 + 1)::INTEGER] AS late) FROM trips`;

  test('text gives classes, numbered in order of their names', async () => {
    const files = await run({ sql: kinds });
    expect(files).toMatchObject({
      task: 'multiclass',
      classes: ['early', 'late', 'on time'],
      labelType: 'string',
    });
    const rows = await everyPart(files, 'features');
    expect(rows.slice(0, 3).map((row) => row.__label)).toEqual([2, 1, 0]);
  });

  test('integers are classes with the task multiclass, in order of their values', async () => {
    const files = await run({
      sql: 'SELECT * REPLACE (trip % 3 + 9 AS late) FROM trips',
      task: 'multiclass',
    });
    expect(files.classes).toEqual(['9', '10', '11']);
  });

  test('a blank text is no label', async () => {
    const files = await run({
      sql: kinds.replace("'late',", "CASE WHEN trip = 99 THEN '' ELSE 'late' END,"),
    });
    expect(files.dropped.withoutLabel).toBe(1);
  });
});

describe('rows without a usable time', () => {
  const shares = { tuning: 0.2, confirm: 0.1, holdout: 0.3 };
  const byRow: Partial<DataSpec> = { time: null, entity: null, split: { by: 'random', ...shares } };
  const byTail: Partial<DataSpec> = {
    time: null,
    split: { by: 'group', column: 'tail', ...shares },
  };
  const sql = 'SELECT * EXCLUDE (starts_at) FROM trips';
  const features = 'SELECT carrier, temp FROM request';
  const many = trips
    .replace('range(400)', 'range(2000)')
    .replace("'T' || i % 4", "CASE WHEN i % 50 = 49 THEN NULL ELSE 'T' || i % 97 END");

  async function assembleParts(given: Given): Promise<ReadonlyMap<unknown, string>> {
    const files = await run({ sql, features, ...given });
    const found = new Map<unknown, string>();
    for (const part of assembledParts)
      for (const row of await read(files.parts[part].features)) found.set(row.__row, part);
    const rows = await everyPart(files, 'requestRows');
    return new Map(rows.map((row) => [row.trip, found.get(row.__row) ?? '']));
  }

  test('are put into parts by a hash in the configured shares, and no row is lost', async () => {
    const files = await run({ sql, features, source: many, data: byRow });
    const rows = assembledParts.map((part) => files.parts[part].rows);
    expect(rows.reduce((sum, count) => sum + count, 0)).toBe(2000);
    for (const [place, share] of [0.4, 0.2, 0.1, 0.3].entries())
      expect(Math.abs((rows[place] ?? 0) / 2000 - share)).toBeLessThan(0.04);
    expect(files.parts.holdout.window).toBeNull();
    expect((await read(files.parts.holdout.features))[0]).toMatchObject({
      __time: null,
      __day: null,
      __group: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    });
  });

  test('stay in their part when rows are added or reordered', async () => {
    const first = await assembleParts({ data: byRow });
    const later = await assembleParts({
      data: byRow,
      source: `SELECT * FROM (${trips.replace('range(400)', 'range(900)')}) ORDER BY hash(trip)`,
    });
    expect([...first].filter(([trip, part]) => later.get(trip) !== part)).toEqual([]);
    expect(later.size).toBe(900);
  });

  test('a larger tuning part does not change the holdout', async () => {
    const held = (parts: ReadonlyMap<unknown, string>) =>
      [...parts].filter(([, part]) => part === 'holdout').map(([trip]) => trip);
    const other: Partial<DataSpec> = { ...byRow, split: { by: 'random', ...shares, tuning: 0.4 } };
    expect(held(await assembleParts({ data: other }))).toEqual(
      held(await assembleParts({ data: byRow })),
    );
  });

  test('have the same digest of labels in every split, and another one with other rows', async () => {
    const labels = async (given: Given) => (await run({ sql, features, ...given })).labels;
    const first = await labels({ data: byRow });
    expect(first).toMatch(/^sha256:[0-9a-f]{64}$/);
    const more = 'SELECT * EXCLUDE (starts_at), trip % 7 AS other FROM trips';
    expect(await labels({ data: byRow, sql: more })).toBe(first);
    const holdout: Partial<DataSpec> = {
      ...byRow,
      split: { by: 'random', ...shares, holdout: 0.4 },
    };
    expect(await labels({ data: holdout })).toBe(first);
    const added = trips.replace('range(400)', 'range(401)');
    expect(await labels({ data: byRow, source: added })).not.toBe(first);
    expect((await run()).labels).toBeUndefined();
  });

  test('of one group are in one part, and rows without a group are left out and counted', async () => {
    const files = await run({ sql, features, source: many, data: byTail });
    const parts = new Map<unknown, Set<string>>();
    for (const part of assembledParts) {
      for (const row of await read(files.parts[part].requestRows))
        parts.set(row.tail, (parts.get(row.tail) ?? new Set()).add(part));
    }
    expect(parts.size).toBe(97);
    expect([...parts.values()].every((found) => found.size === 1)).toBe(true);
    expect(files.dropped).toEqual({
      outsideWindow: 0,
      withoutTime: 0,
      unripe: 0,
      withoutLabel: 0,
      withoutGroup: 40,
    });
  });
});

describe('unusable data is refused with the reason', () => {
  test.each<[string, Given, string, string]>([
    [
      'a missing label',
      { data: { label: { ...spec.label, column: 'latte' } } },
      'InvalidInput',
      'sql/assemble.sql returns no column latte, which is the label (did you mean late?)',
    ],
    [
      'a missing time',
      { data: { time: { ...spec.time, column: 'start_at' } } },
      'InvalidInput',
      'which is the event time (did you mean starts_at?)',
    ],
    [
      'a missing entity',
      { data: { entity: 'plane' } },
      'InvalidInput',
      'returns no column plane, which is the entity',
    ],
    [
      'a time of another type',
      { data: { time: { ...spec.time, column: 'trip' } } },
      'InvalidInput',
      'returns the event time trip as integer',
    ],
    [
      'a label of text, for a regression',
      { sql: 'SELECT * REPLACE (late::VARCHAR AS late) FROM trips', task: 'regression' },
      'InvalidInput',
      'the label late is a string',
    ],
    [
      'a label of times',
      { sql: 'SELECT * REPLACE (starts_at AS late) FROM trips' },
      'InvalidInput',
      'the label late is a timestamp',
    ],
    [
      'a classification with more than two values',
      { sql: 'SELECT * REPLACE (trip AS late) FROM trips', task: 'classification' },
      'InvalidInput',
      'other values than 0 and 1',
    ],
    [
      'a reserved name',
      { sql: 'SELECT *, 1 AS __row FROM trips' },
      'InvalidInput',
      '__row, a name that Perennial reserves',
    ],
    [
      'one class only in a part',
      { sql: "SELECT * REPLACE (late AND starts_at < TIMESTAMP '2013-03-17' AS late) FROM trips" },
      'InvalidInput',
      'in the part holdout the label late is always 0',
    ],
    [
      'no label in a part',
      {
        sql: "SELECT * REPLACE (CASE WHEN starts_at < TIMESTAMP '2013-03-07' THEN late END AS late) FROM trips",
      },
      'DatasetEmpty',
      'no row is left for the part confirm',
    ],
    [
      'no row at all',
      { sql: 'SELECT * FROM trips WHERE false' },
      'DatasetEmpty',
      'no row is left for the part train',
    ],
    [
      'a part that starts too late',
      { sql: "SELECT * FROM trips WHERE starts_at >= TIMESTAMP '2013-03-01'" },
      'DatasetEmpty',
      'dropped: 20 outside of the window, 1 whose label was not known at the end of the window',
    ],
    [
      'SQL that fails',
      { sql: 'SELECT * FROM trip' },
      'SqlInvalid',
      "sql/assemble.sql:1:15: there is no source 'trip'",
    ],
    [
      'features of the label',
      { features: 'SELECT late::INTEGER AS l FROM request' },
      'SqlForbidden',
      "sql/features.sql:1:8: 'late' must not be read: it is the label",
    ],
    [
      'features that fail on a row',
      { features: 'SELECT carrier::INTEGER AS c FROM request' },
      'SqlInvalid',
      'sql/features.sql: Could not convert string',
    ],
    [
      'a class without training rows',
      {
        sql: `SELECT * REPLACE (CASE WHEN trip > 350 THEN 'new' WHEN trip % 2 = 0 THEN 'a' ELSE 'b' END AS late) FROM trips`,
      },
      'InvalidInput',
      'the label late has classes without training rows: new (28 rows); training has a, b',
    ],
    [
      'a different text in each row',
      { sql: `SELECT * REPLACE ('x' || trip AS late) FROM trips` },
      'InvalidInput',
      'more than 100 values',
    ],
    [
      'a missing group',
      {
        data: {
          time: null,
          split: { by: 'group', column: 'tial', tuning: 0.2, confirm: 0.1, holdout: 0.3 },
        },
      },
      'InvalidInput',
      'returns no column tial, which is the group (did you mean tail?)',
    ],
    [
      'a split that leaves no training rows',
      { data: { split: { by: 'time', tuningDays: 20, confirmDays: 10, holdoutDays: 90 } } },
      'InvalidInput',
      'has no rows to train on',
    ],
  ])('%s', async (_, given, type, message) => {
    const error = await refusal(given);
    expect([error.type, error.message]).toEqual([type, expect.stringContaining(message)]);
  });

  test('all errors in the named columns are reported together', async () => {
    const error = await refusal({
      data: { entity: 'plane', label: { ...spec.label, column: 'latte' } },
    });
    expect(error.issues.map((issue) => issue.pointer)).toEqual([
      '/spec/data/label/column',
      '/spec/data/entity',
    ]);
  });
});
