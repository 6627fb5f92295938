import { compileFeatureSql } from '../../../data/sql/feature-sql';
import { featureFunctions } from '../../../data/sql/feature-functions';
import { withDuckDb } from '../../../data/sql/platform-sql';
import { forbiddenFunctions } from '../../../data/sql/user-sql-policy';
import type { Column } from '../../../domain/dataset/dataset';
import { isPerennialError, type PerennialError } from '../../../domain/failure';

const request: readonly Column[] = [
  { name: 'scheduled_at', type: 'timestamp' },
  { name: 'carrier', type: 'string' },
  { name: 'distance', type: 'integer' },
  { name: 'temp', type: 'number' },
  { name: 'holiday', type: 'boolean' },
];
const withheld = { late: 'it is the label, which nobody knows yet when a prediction is asked for' };

async function refusal(sql: string): Promise<PerennialError> {
  const error: unknown = await compileFeatureSql({
    sql,
    request,
    withheld,
    file: 'sql/features.sql',
  }).then(
    (plan) => new Error(`was allowed: ${plan.select}`),
    (reason: unknown) => reason,
  );
  if (!isPerennialError(error)) throw error;
  return error;
}

describe('a row-wise SELECT', () => {
  test('is compiled to a plan with the columns that it reads and returns', async () => {
    const plan = await compileFeatureSql({
      request,
      sql: `-- how late it will be
        SELECT hour(scheduled_at) AS hour, date_trunc('day', scheduled_at) = scheduled_at AS midnight, upper(carrier) AS carrier,
               r.distance::DECIMAL(9, 2) / 1e3 AS megametres, megametres * 2 AS twice, 'a;b' AS mark
        FROM request r; -- one row in, one row out`,
    });
    expect(plan.requestColumns.map((column) => column.name)).toEqual([
      'scheduled_at',
      'carrier',
      'distance',
    ]);
    expect(plan.features).toEqual([
      { name: 'hour', type: 'float' },
      { name: 'midnight', type: 'float' },
      { name: 'carrier', type: 'string' },
      { name: 'megametres', type: 'float' },
      { name: 'twice', type: 'float' },
      { name: 'mark', type: 'string' },
    ]);
  });

  test('may use all ordinary expressions', async () => {
    const sql = `
      SELECT CASE WHEN temp < 0 THEN 'frost' WHEN temp IS NULL THEN 'unknown' ELSE 'mild' END AS weather,
             coalesce(temp, 10.5) AS temp, ifnull(distance, 0) AS distance, nullif(carrier, '') AS carrier, NOT holiday AS workday,
             carrier IN ('AA', 'UA') AS big, carrier LIKE 'A%' AS a, carrier NOT ILIKE '%x' AS b, regexp_matches(carrier, '^[A-Z]+$') AS c,
             distance BETWEEN 1 AND 100 AS near, distance IS DISTINCT FROM 3 AS other, TRY_CAST(carrier AS INTEGER) AS number,
             extract(dow FROM scheduled_at) AS dow, hour(scheduled_at AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York') AS local_hour,
             scheduled_at > TIMESTAMP '2013-01-01' AS later, epoch(scheduled_at - TIMESTAMP '2013-01-01') AS since,
             epoch(scheduled_at + INTERVAL 3 HOUR) AS soon, if(holiday, 1, 0) AS h, distance % 7 AS m, -distance AS n, carrier || '-' AS t
      FROM request`;
    await expect(compileFeatureSql({ sql, request })).resolves.toMatchObject({
      requestColumns: request,
    });
  });
});

describe('anything that is not row-wise is SqlForbidden, with its place', () => {
  test.each([
    ['WHERE', 'SELECT temp FROM request WHERE temp > 1', 'WHERE'],
    ['GROUP BY', 'SELECT temp FROM request GROUP BY temp', 'GROUP BY'],
    ['GROUP BY ALL', 'SELECT temp FROM request GROUP BY ALL', 'GROUP BY ALL'],
    ['HAVING', 'SELECT 1 AS a FROM request HAVING true', 'HAVING'],
    ['QUALIFY', 'SELECT temp FROM request QUALIFY true', 'QUALIFY'],
    ['ORDER BY', 'SELECT temp FROM request ORDER BY temp', 'ORDER BY'],
    ['LIMIT', 'SELECT temp FROM request LIMIT 1', 'LIMIT'],
    ['DISTINCT', 'SELECT DISTINCT temp FROM request', 'DISTINCT'],
    ['a sample', 'SELECT temp FROM request USING SAMPLE 10%', 'a sample'],
    ['WITH', 'WITH r AS (SELECT * FROM request) SELECT temp FROM r', 'WITH'],
    ['UNION', 'SELECT temp FROM request UNION ALL SELECT temp FROM request', 'UNION'],
    ['another table', 'SELECT 1 AS a FROM flights', 'FROM request only'],
    ['a join', 'SELECT a.temp FROM request a, request b', 'FROM request only'],
    ['no table', 'SELECT 1 AS a', 'FROM request only'],
    ['a file', "SELECT 1 AS a FROM 'x.parquet'", 'FROM request only'],
    ['a subquery', 'SELECT (SELECT 1) AS a FROM request', 'subquery'],
    ['EXISTS', 'SELECT EXISTS (SELECT 1) AS a FROM request', 'subquery'],
    ['an aggregate', 'SELECT avg(temp) AS a FROM request', 'avg()'],
    [
      'a filtered function',
      'SELECT lower(carrier) FILTER (WHERE true) AS a FROM request',
      'FILTER',
    ],
    ['a window function', 'SELECT lag(temp) OVER () AS a FROM request', 'window'],
    ['a star', 'SELECT * FROM request', '* is not allowed'],
    ['COLUMNS', "SELECT COLUMNS('t.*') FROM request", '* is not allowed'],
    ['the clock', 'SELECT epoch(now()) AS a FROM request', 'now()'],
    ['the clock by age()', 'SELECT epoch(age(scheduled_at)) AS a FROM request', 'age()'],
    ['randomness', 'SELECT random() AS a FROM request', 'random()'],
    ['a setting', "SELECT current_setting('threads') AS a FROM request", 'current_setting()'],
    ['unnest', 'SELECT unnest([1, 2]) AS a FROM request', 'unnest()'],
    ['unbounded text', "SELECT repeat('x', distance) AS a FROM request", 'repeat()'],
    ['a lambda', 'SELECT list_transform([temp], x -> x + 1) AS a FROM request', 'list_transform()'],
    ['a method call', 'SELECT carrier.lower() AS a FROM request', 'carrier.lower()'],
    ['a collation', 'SELECT carrier COLLATE nocase AS a FROM request', 'COLLATE'],
    ['a parameter', 'SELECT temp + $1 AS a FROM request', 'parameter'],
    ['a cast to an odd type', 'SELECT carrier::JSON AS a FROM request', 'cast'],
    [
      'the label',
      'SELECT late::INTEGER AS a FROM request',
      "'late' must not be read: it is the label",
    ],
    ['two statements', 'SELECT temp FROM request; SELECT 1', 'contains 2 statements'],
    ['COPY', "COPY (SELECT 1) TO '/tmp/x'", 'COPY is not allowed'],
    ["Perennial's own row number", 'SELECT __row AS a FROM request', "no column '__row'"],
    [
      'a keyword that reads the clock',
      'SELECT current_date AS a FROM request',
      "no column 'current_date'",
    ],
  ])('%s', async (_, sql, detail) => {
    const error = await refusal(sql);
    expect(['SqlForbidden', 'SqlInvalid']).toContain(error.type);
    expect(error.message).toContain(detail);
  });

  test('the place is that in the author’s text', async () => {
    const error = await refusal("SELECT 'é' AS e,\n  temp,\n  sum(temp) AS total\nFROM request");
    expect(error.message).toMatch(/^sql\/features\.sql:3:3: sum\(\)/);
    expect(error.issues[0]).toMatchObject({ file: 'sql/features.sql', line: 3 });
  });
});

describe('errors are SqlInvalid with a suggestion', () => {
  test.each([
    ['a misspelt column', 'SELECT distnce AS d FROM request', 'did you mean distance?'],
    ['a feature without a name', 'SELECT temp + 1 FROM request', 'is named \'("temp" + 1)\''],
    [
      'two of one name',
      'SELECT temp AS a, distance AS A FROM request',
      "two features are named 'A'",
    ],
    ['a timestamp', 'SELECT scheduled_at FROM request', 'TIMESTAMP'],
    ['an interval', 'SELECT scheduled_at - scheduled_at AS d FROM request', 'INTERVAL'],
    ['a wrong argument', 'SELECT hour(carrier) AS h FROM request', 'hour'],
    ['FROM first', 'FROM request SELECT temp', 'does not begin with SELECT'],
    ['syntax', 'SELECT temp, FROM FROM request', 'syntax error'],
    ['nothing', '', 'contains no SQL'],
  ])('%s', async (_, sql, detail) => {
    const error = await refusal(sql);
    expect([error.type, error.message]).toEqual(['SqlInvalid', expect.stringContaining(detail)]);
  });

  test('a timestamp gives a suggestion', async () => {
    expect((await refusal('SELECT scheduled_at FROM request')).next).toMatch(/extract a number/);
  });
});

describe('the list of functions', () => {
  test('contains only scalar functions of this DuckDB that depend on their arguments alone', async () => {
    const known = await withDuckDb(
      (sql) =>
        sql.rows<{ name: string; kinds: string }>(
          `SELECT function_name AS name, string_agg(DISTINCT function_type || '/' || coalesce(stability, 'macro'), ',') AS kinds
           FROM duckdb_functions() GROUP BY 1`,
        ),
      { memoryBytes: 256e6, threads: 1 },
    );
    const kinds = new Map(known.map((row) => [row.name, row.kinds]));
    const wrong = [...featureFunctions].filter(
      (name) => !['scalar/CONSISTENT', 'macro/macro'].includes(kinds.get(name) ?? 'unknown'),
    );
    expect(wrong.map((name) => `${name}: ${kinds.get(name) ?? 'unknown'}`)).toEqual([]);
  });

  test('has no function that is forbidden in assemble.sql', () => {
    expect([...featureFunctions].filter((name) => forbiddenFunctions[name] !== undefined)).toEqual(
      [],
    );
  });
});
