import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sha256 } from '../../../../data/digest';
import type { SourceFormat } from '../../../../domain/dataset/source-uri';
import type { SourceData } from '../../../../data/dataset/sources/read-source';
import { openReading, writeParquet, type Reading, type ReadOptions } from './reading';

let reading: Reading;
beforeAll(async () => {
  reading = await openReading();
});
afterAll(() => reading.close());

const readColumns = async (content: string, format: SourceFormat = 'csv', options?: ReadOptions) =>
  (await reading.file(`columns.${format}`, content, format, options)).columns
    .map(({ name, type }) => `${name} ${type}`)
    .join(', ');

describe('types of CSV columns', () => {
  test.each([
    ['whole numbers', 'a\n1\n-2\n3\n', 'a integer'],
    ['numbers', 'a\n1\n2.5\n1e5\n', 'a number'],
    ['not a number and infinities', 'a\n1.5\nNaN\ninf\n-Infinity\n', 'a number'],
    ['integers beyond 64 bits', 'a\n9223372036854775808\n1\n', 'a number'],
    ['codes with leading zeros', 'a\n01234\n00456\n', 'a string'],
    ['booleans', 'a\ntrue\nfalse\n', 'a boolean'],
    ['dates', 'a\n2013-01-31\n', 'a timestamp'],
    [
      'times with and without offset',
      'a\n2013-01-01T05:00:00+02:00\n2013-01-01 05:00:00\n',
      'a timestamp',
    ],
    ['ambiguous dates stay text', 'a\n01/02/2013\n03/04/2013\n', 'a string'],
    ['ambiguous times stay text', 'a\n01/02/2013 05:00\n', 'a string'],
    ['NA is text', 'a\n1\nNA\n', 'a string'],
    ['a column without values', 'a,b\n,1\n,2\n', 'a string, b integer'],
    ['times of day', 'a\n05:00:00\n', 'a string'],
    ['semicolons', 'a;b\n1;2,5\n', 'a integer, b string'],
    ['tabs', 'a\tb\n1\t2\n', 'a integer, b integer'],
    [
      'a byte order mark, CRLF and no final newline',
      '\ufeffa,b\r\n1,2\r\n3,4',
      'a integer, b integer',
    ],
    [
      'a quoted name that contains the delimiter and a quote',
      '"a, ""b""",c\n1,2\n',
      'a, "b" integer, c integer',
    ],
    [
      'a row index without a name, as pandas and R write it',
      ',a\n0,x\n1,y\n',
      'column0 integer, a string',
    ],
    ['a comment sign is data', 'a,b\n#1,2\n', 'a string, b integer'],
  ])('%s', async (_, content, expected) => {
    expect(await readColumns(content)).toBe(expected);
  });

  test('a type that the first rows suggest is checked in all rows, and a note names the row', async () => {
    const rows = Array.from(
      { length: 30_000 },
      (_, i) => `${i},${i === 29_000 ? 1.5 : i},${i === 29_999 ? 'x' : i}`,
    );
    const data = await reading.file('late.csv', `whole,widened,mixed\n${rows.join('\n')}\n`, 'csv');
    expect(data.columns.map(({ type }) => type)).toEqual(['integer', 'number', 'string']);
    expect(data.statistics.notes).toEqual([
      'column mixed is kept as text: it begins with whole numbers, but row 30000 does not fit',
    ]);
  });

  test('times are converted to UTC', async () => {
    const data = await reading.file(
      'utc.csv',
      'a\n2013-01-01T05:00:00+02:00\n2013-01-01 05:00:00\n',
      'csv',
    );
    expect(await reading.rows(data)).toEqual([
      { a: new Date('2013-01-01T03:00:00Z') },
      { a: new Date('2013-01-01T05:00:00Z') },
    ]);
  });
});

describe('types of NDJSON keys', () => {
  test.each([
    [
      'one key of each type',
      '{"i":1,"n":1.5,"b":true,"s":"1","t":"2013-01-01T05:00:00Z","d":"2013-01-01"}\n',
      'i integer, n number, b boolean, s string, t timestamp, d timestamp',
    ],
    ['a key that occurs only in the last line', '{"a":1}\n{"b":"x"}\n', 'a integer, b string'],
    ['a key that is always null', '{"a":null,"b":1}\n', 'a string, b integer'],
    ['integers beyond 64 bits', '{"a":18446744073709551615}\n{"a":1}\n', 'a number'],
    ['not a number', '{"a":NaN}\n{"a":1}\n', 'a number'],
    ['empty lines and CRLF', '{"a":1}\r\n\r\n{"a":2}\r\n', 'a integer'],
  ])('%s', async (_, content, expected) => {
    expect(await readColumns(content, 'ndjson')).toBe(expected);
  });

  test('the offset of a time counts, also in formats that DuckDB does not recognize', async () => {
    const content = '{"t":"2013-01-01 05:00:00+02"}\n{"t":"2013-01-01T05:00:00+02:00"}\n';
    const window = { from: '2013-01-01T03:00:00Z', until: '2013-01-01T03:00:01Z' };
    const data = await reading.file('offset.ndjson', content, 'ndjson', { time: 't', window });
    expect(await reading.rows(data)).toEqual([
      { t: new Date('2013-01-01T03:00:00Z') },
      { t: new Date('2013-01-01T03:00:00Z') },
    ]);
  });

  test('values of several kinds become text, with a note', async () => {
    const data = await reading.file('kinds.ndjson', '{"a":1}\n{"a":"x"}\n', 'ndjson');
    expect(await reading.rows(data)).toEqual([{ a: '1' }, { a: 'x' }]);
    expect(data.statistics.notes).toEqual([
      'column a is kept as text: it holds values of several kinds',
    ]);
  });
});

describe('long lines of NDJSON', () => {
  test('are read even if DuckDB refuses them by default', async () => {
    const long = 'word '.repeat(4 << 20);
    const rows = await reading.rows(
      await reading.file('long.ndjson', `{"a":"x"}\n{"a":"${long}"}\n{"a":"y"}\n`, 'ndjson'),
    );
    expect((rows as { a: string }[]).map(({ a }) => a.length)).toEqual([1, long.length, 1]);
  });

  test('are refused with their length when they are too long', async () => {
    const path = join(reading.folder, 'endless.ndjson');
    await writeFile(path, '{"a":"x"}\n{"a":"');
    // A sparse file: nothing is written to the disk.
    await truncate(path, 300 << 20);
    await expect(reading.uri(pathToFileURL(path).href, 'ndjson')).rejects.toMatchObject({
      type: 'DataUnreadable',
      message: expect.stringMatching(
        /: line 2 has 300 MiB; at most 256 MiB are allowed$/,
      ) as string,
      next: 'split its content into several rows, or leave it out',
    });
  });
});

describe('types of Parquet columns', () => {
  test('each stored type has a logical type', async () => {
    const path = join(reading.folder, 'types.parquet');
    await writeParquet(
      path,
      `SELECT 1::UTINYINT AS i, 2.5::DECIMAL(10,2) AS n, 3::DECIMAL(12,0) AS w, 1.5::FLOAT AS f, true AS b, DATE '2013-01-31' AS d,
        TIMESTAMPTZ '2013-01-01 05:00:00+02' AS tz, TIMESTAMP_NS '2013-01-01 05:00:00.123456789' AS ns, TIME '05:00' AS time, '\\xC3\\xA9'::BLOB AS bytes,
        '550e8400-e29b-41d4-a716-446655440000'::UUID AS uuid, 'x' AS s`,
    );
    const data = await reading.uri(pathToFileURL(path).href, 'parquet');
    expect(data.columns.map(({ name, type }) => `${name} ${type}`).join(', ')).toBe(
      'i integer, n number, w integer, f number, b boolean, d timestamp, tz timestamp, ns timestamp, time string, bytes string, uuid string, s string',
    );
    expect(await reading.rows(data)).toMatchObject([
      { bytes: 'é', tz: new Date('2013-01-01T03:00:00Z'), time: '05:00:00', s: 'x' },
    ]);
  });
});

describe('the window', () => {
  const window = { from: '2013-01-02T00:00:00Z', until: '2013-01-03T00:00:00Z' };
  const expected = [{ t: new Date('2013-01-02T00:00:00Z'), i: 24 }];

  test.each(['TIMESTAMP', 'TIMESTAMPTZ', 'DATE'])(
    'is half-open over %s in Parquet',
    async (type) => {
      const path = join(reading.folder, `window-${type}.parquet`);
      await writeParquet(
        path,
        `SELECT (TIMESTAMP '2013-01-01' + to_hours(24 * i))::${type} AS t, 24 * i AS i FROM range(5) r(i)`,
      );
      const data = await reading.uri(pathToFileURL(path).href, 'parquet', { time: 't', window });
      expect(await reading.rows(data)).toEqual(expected);
      expect(data.rows).toBe(1);
    },
  );

  test('leaves out rows without a time and counts them in a note', async () => {
    const data = await reading.file('timeless.csv', 't,i\n2013-01-02,24\n,25\n', 'csv', {
      time: 't',
      window,
    });
    expect(await reading.rows(data)).toEqual(expected);
    expect(data.statistics.notes).toEqual(['1 rows were left out because column t has no time']);
  });
});

describe('equal content gives equal bytes', () => {
  const digestFiles = async (data: SourceData) =>
    Promise.all(data.files.map(async (file) => sha256(await readFile(file))));

  test('from Parquet with other row groups', async () => {
    const digests: string[][] = [];
    for (const groupSize of [122_880, 10_000]) {
      const path = join(reading.folder, `equal-${groupSize}.parquet`);
      await writeParquet(
        path,
        `SELECT i, i * 1.5::DOUBLE AS x, TIMESTAMP '2013-01-01' + to_seconds(i) AS t FROM range(300000) r(i)`,
        groupSize,
      );
      digests.push(await digestFiles(await reading.uri(pathToFileURL(path).href, 'parquet')));
    }
    expect(digests[0]).toEqual(digests[1]);
  });

  test.each(['csv', 'ndjson'] as const)('from %s', async (format) => {
    const row =
      format === 'csv'
        ? (i: number) => `${i},s${i % 1000}`
        : (i: number) => JSON.stringify({ a: i, b: `s${i % 1000}` });
    const rows = Array.from({ length: 300_000 }, (_, i) => row(i));
    const content = `${format === 'csv' ? 'a,b\n' : ''}${rows.join('\n')}\n`;
    const first = await digestFiles(await reading.file(`one.${format}`, content, format));
    const second = await digestFiles(await reading.file(`another.${format}`, content, format));
    expect(second).toEqual(first);
  });
});

test('statistics count missing, NaN and infinite values and are valid JSON', async () => {
  const { statistics } = await reading.file(
    'statistics.csv',
    'n,s,t,b,i\n1,ab,2013-01-01,true,1\n2,,2013-01-03,true,2\n3,abcd,,false,\nNaN,x,2013-01-02,,4\ninf,x,2013-01-02,,4\n,x,2013-01-02,,4\n1e300,x,2013-01-02,,4\n',
    'csv',
  );
  expect(JSON.parse(JSON.stringify(statistics))).toEqual(statistics);
  expect(statistics).toMatchObject({
    rows: 7,
    columns: [
      {
        name: 'n',
        type: 'number',
        nulls: 1,
        nans: 1,
        infinities: 1,
        min: 1,
        max: 1e300,
        deviation: null,
        quantiles: { '0.5': expect.any(Number) as number },
      },
      { name: 's', type: 'string', nulls: 1, distinct: 3, shortest: 1, longest: 4 },
      {
        name: 't',
        type: 'timestamp',
        nulls: 1,
        min: '2013-01-01T00:00:00.000Z',
        max: '2013-01-03T00:00:00.000Z',
      },
      { name: 'b', type: 'boolean', nulls: 4, trues: 2 },
      { name: 'i', type: 'integer', nulls: 1, min: 1, max: 4, nans: 0 },
    ],
    notes: [],
  });
});

describe('a bad file gives an error with the place, the cause and the next step', () => {
  const secret = 'Ms-Secret';
  const many = Array.from({ length: 50_000 }, (_, i) => `${i},1`);
  const cases: readonly [
    string,
    SourceFormat,
    string | Uint8Array,
    string,
    RegExp,
    ReadOptions?,
  ][] = [
    ['empty', 'csv', '', 'DatasetEmpty', /the file is empty/],
    ['empty', 'ndjson', ' \n', 'DatasetEmpty', /the file is empty/],
    ['empty', 'parquet', '', 'DatasetEmpty', /the file is empty/],
    ['header only', 'csv', 'a,b\n', 'DatasetEmpty', /has columns but no rows/],
    [
      'a row too short',
      'csv',
      `a,b\n1,2\n${secret}\n4,5\n`,
      'DataUnreadable',
      /line 3: 1 fields, but the header has 2/,
    ],
    [
      'a row too long',
      'csv',
      `a,b\n1,2\n${secret},4,5\n`,
      'DataUnreadable',
      /line 3: 3 fields, but the header has 2/,
    ],
    [
      'the first row is too short',
      'csv',
      'a,b\n1\n3,4\n5,6\n',
      'DataUnreadable',
      /line 2: 1 fields/,
    ],
    [
      'a row far down is too short',
      'csv',
      `a,b\n${many.join('\n')}\n1,2,3\n`,
      'DataUnreadable',
      /line 50002: 3 fields/,
    ],
    [
      'a quote that is not closed',
      'csv',
      `a,b\n1,2\n"${secret},3\n`,
      'DataUnreadable',
      /line 3: a quote is not closed/,
    ],
    [
      'a quote in the header that is not closed',
      'csv',
      '"a,b\n1,2\n',
      'DataUnreadable',
      /header cannot be read/,
    ],
    [
      'Latin-1',
      'csv',
      Buffer.from('a,b\n1,caf\xe9\n', 'latin1'),
      'DataUnreadable',
      /line 2: contains bytes that are not UTF-8/,
    ],
    [
      'UTF-16',
      'csv',
      Buffer.from('\ufeffa,b\n1,2\n', 'utf16le'),
      'DataUnreadable',
      /not a CSV file: it looks like UTF-16 text/,
    ],
    [
      'gzip',
      'csv',
      Buffer.from('1f8b0800000000000003', 'hex'),
      'DataUnreadable',
      /looks like gzip/,
    ],
    [
      'mixed line endings',
      'csv',
      'a,b\r\n1,2\n3,4\r\n',
      'DataUnreadable',
      /mixed line endings or quotes/,
    ],
    [
      'two columns with the same name',
      'csv',
      'a,b,A\n1,2,3\n',
      'DataUnreadable',
      /line 1: the header has column A twice/,
    ],
    [
      'a column without a name',
      'csv',
      'a,,b\n1,2,3\n',
      'DataUnreadable',
      /line 1: column 2 of the header has no name/,
    ],
    [
      'no time column',
      'csv',
      'when,b\n2013-01-01,2\n',
      'DataUnreadable',
      /column whn, which `time` names, does not exist; did you mean when/,
      timed('whn'),
    ],
    [
      'a time column without times',
      'csv',
      'when,b\nyesterday,2\n',
      'DataUnreadable',
      /column when, which `time` names, is of type .* and holds no times/,
      timed('when'),
    ],
    [
      'no row in the window',
      'csv',
      'when\n2012-05-01\n2012-06-01\n',
      'DatasetEmpty',
      /its 2 rows have times from 2012-05-01T00:00:00.000Z to 2012-06-01/,
      timed('when'),
    ],
    [
      'no row with a time',
      'ndjson',
      '{"when":null,"a":1}\n{"when":null,"a":1}\n',
      'DatasetEmpty',
      /its 2 rows have no time/,
      timed('when'),
    ],
    ['not Parquet', 'parquet', 'a,b\n1,2\n', 'DataUnreadable', /not a Parquet file/],
    ['a web page', 'parquet', '<!DOCTYPE html><html>', 'DataUnreadable', /looks like a web page/],
    [
      'a Parquet file as CSV',
      'csv',
      Buffer.from('PAR1xxxxxxxxPAR1'),
      'DataUnreadable',
      /not a CSV file: it looks like Parquet/,
    ],
    ['a JSON array', 'ndjson', '[{"a":1},{"a":2}]\n', 'DataUnreadable', /one JSON array/],
    [
      'an incomplete object',
      'ndjson',
      `{"a":1}\n{"a":"${secret}\n{"a":2}\n`,
      'DataUnreadable',
      /line 2: not one complete JSON value/,
    ],
    [
      'commas between lines',
      'ndjson',
      '{"a":1},\n{"a":2},\n',
      'DataUnreadable',
      /line 1: not one complete/,
    ],
    [
      'a number instead of an object',
      'ndjson',
      '{"a":1}\n7\n',
      'DataUnreadable',
      /line 2: not a JSON object/,
    ],
    ['objects without keys', 'ndjson', '{}\n{}\n', 'DataUnreadable', /no keys/],
    [
      'Latin-1 JSON',
      'ndjson',
      Buffer.from('{"a":"x"}\n{"a":"caf\xe9"}\n', 'latin1'),
      'DataUnreadable',
      /line 2: contains bytes that are not UTF-8/,
    ],
    [
      'a nested object',
      'ndjson',
      `{"a":{"b":"${secret}"}}\n`,
      'DataUnreadable',
      /column a is nested/,
    ],
    ['a nested list', 'ndjson', '{"a":[1]}\n', 'DataUnreadable', /column a is nested/],
    [
      'an object in some rows only',
      'ndjson',
      '{"a":1}\n{"a":{"b":1}}\n',
      'DataUnreadable',
      /column a is nested/,
    ],
    [
      'a key twice',
      'ndjson',
      `{"a":1}\n{"a":2,"a":"${secret}"}\n`,
      'DataUnreadable',
      /line \d: key a occurs twice/,
    ],
    [
      'a key in two spellings',
      'ndjson',
      '{"a":1}\n{"A":2}\n',
      'DataUnreadable',
      /key \w occurs in upper and lower case/,
    ],
  ];

  test.each(cases)('%s (%s)', async (_, format, content, type, message, ...[options]) => {
    const error = await reading
      .file(`bad.${format}`, content, format, options)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ type, message: expect.stringMatching(message) as string });
    expect((error as Error).message).toMatch(
      /^source trips \(file:\/\/\/.*\/bad\.(csv|ndjson|parquet)\): /,
    );
    expect(allText(error)).not.toContain(secret);
  });

  test.each([
    [
      'its second half is missing',
      (whole: Buffer) => whole.subarray(0, whole.length / 2),
      /truncated: it ends after \d+ bytes without a footer/,
    ],
    ['its last byte is missing', (whole: Buffer) => whole.subarray(0, -1), /truncated/],
    [
      'its pages are overwritten',
      (whole: Buffer) => Buffer.from(whole).fill(0xff, 100, whole.length >> 1),
      /damaged/,
    ],
    [
      'its footer is overwritten',
      (whole: Buffer) => Buffer.from(whole).fill(0xff, whole.length - 200, whole.length - 50),
      /damaged/,
    ],
  ])('a Parquet file when %s', async (_, damage, message) => {
    const path = join(reading.folder, 'whole.parquet');
    await writeParquet(path, `SELECT i, 's' || random() AS s FROM range(20000) r(i)`);
    const read = reading.file('damaged.parquet', damage(await readFile(path)), 'parquet');
    await expect(read).rejects.toMatchObject({
      type: 'DataUnreadable',
      message: expect.stringMatching(message) as string,
    });
  });

  test.each([
    [`SELECT [1] AS a`, /column a is nested \(INTEGER\[\]\)/],
    [`SELECT {x: 1} AS a`, /column a is nested \(STRUCT/],
    [`SELECT 18446744073709551615::UBIGINT AS a`, /exceeds 64 bits/],
    [`SELECT 1 AS a WHERE false`, /columns but no rows/],
    [`SELECT '\\xE9'::BLOB AS a`, /not UTF-8/],
  ])('Parquet of %s', async (query, message) => {
    const path = join(reading.folder, 'odd.parquet');
    await writeParquet(path, query);
    await expect(reading.uri(pathToFileURL(path).href, 'parquet')).rejects.toThrow(message);
  });

  test('a source that exceeds its time limit fails', async () => {
    const path = join(reading.folder, 'slow.csv');
    await writeFile(path, `a,b\n${`${many.join('\n')}\n`.repeat(100)}`);
    const slow = reading.uri(pathToFileURL(path).href, 'csv', { limits: { timeoutSeconds: 0.2 } });
    await expect(slow).rejects.toMatchObject({
      type: 'SourceTooLarge',
      message: expect.stringContaining('within 0.2 s') as string,
    });
  });

  test('a cancelled read ends with the reason', async () => {
    const cancel = new AbortController();
    setTimeout(() => cancel.abort(new Error('cancelled by a person')), 100);
    const read = reading.uri(pathToFileURL(join(reading.folder, 'slow.csv')).href, 'csv', {
      signal: cancel.signal,
    });
    await expect(read).rejects.toThrow('cancelled by a person');
  });
});

function timed(time: string): ReadOptions {
  return { time, window: { from: '2013-01-01T00:00:00Z', until: '2014-01-01T00:00:00Z' } };
}

/** All text of an error that could reach a history or a log. */
function allText(error: unknown): string {
  return error instanceof Error
    ? `${error.message} ${error.stack ?? ''} ${allText(error.cause)}`
    : String(error);
}
