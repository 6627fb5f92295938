import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOfFile } from '../../../data/digest';
import { readParquet, withDuckDb } from '../../../data/sql/platform-sql';
import { runUserSql, type UserSqlRun } from '../../../data/sql/user-sql';
import { forbiddenFunctions } from '../../../data/sql/user-sql-policy';
import { isPerennialError, type PerennialError } from '../../../domain/failure';
import { until } from '../../support/time/until';

/** Each query starts a process, on a machine that may be busy. */
const MiB = 1024 * 1024;
const inProcess = { memoryBytes: 256 * MiB, threads: 1 };
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'user-sql-'));
  await withDuckDb(async (sql) => {
    await sql.run(
      `COPY (SELECT i AS id, i % 7 AS weekday, 'secret-' || i AS note, (i % 100) / 3.0 AS delay,
                    TIMESTAMP '2013-01-01' + INTERVAL (i % 1000) HOUR AS seen
             FROM range(20000) r(i)) TO '${folder}/flights-1.parquet' (FORMAT parquet)`,
    );
    await sql.run(
      `COPY (SELECT 20000 AS id, 3 AS weekday, 'x' AS note, 0.5 AS delay, TIMESTAMP '2013-01-01' AS seen) TO '${folder}/flights-2.parquet'`,
    );
  }, inProcess);
  await writeFile(join(folder, 'readable.csv'), 'a,b\n1,2\n');
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

function query(sql: string, more: Partial<UserSqlRun> = {}): UserSqlRun {
  return {
    sql,
    file: 'sql/assemble.sql',
    tables: { flights: [join(folder, 'flights-1.parquet'), join(folder, 'flights-2.parquet')] },
    outputPath: join(folder, 'out.parquet'),
    limits: { memoryBytes: 512 * MiB, seconds: 20 },
    ...more,
  };
}

async function refusal(run: UserSqlRun): Promise<PerennialError> {
  const error: unknown = await runUserSql(run).then(
    (result) => new Error(`was allowed: ${JSON.stringify(result)}`),
    (reason: unknown) => reason,
  );
  if (!isPerennialError(error)) throw error;
  return error;
}

describe('a query that is allowed', () => {
  test('reads its tables and writes Parquet of logical types', async () => {
    const run = query(`
      -- rows of ours; with a semicolon in the comment
      WITH late AS (SELECT *, delay > 20 AS late FROM flights)
      SELECT weekday, count(*) AS n, sum(weekday) AS total, avg(delay)::DECIMAL(9, 2) AS mean, any_value(';') AS mark,
             min(seen)::DATE AS first_day, bool_or(late) AS late
      FROM late GROUP BY weekday; -- the end
    `);
    await expect(runUserSql(run)).resolves.toEqual({
      rows: 7,
      columns: [
        { name: 'weekday', type: 'integer' },
        { name: 'n', type: 'integer' },
        { name: 'total', type: 'integer' },
        { name: 'mean', type: 'number' },
        { name: 'mark', type: 'string' },
        { name: 'first_day', type: 'timestamp' },
        { name: 'late', type: 'boolean' },
      ],
    });
    const types = await withDuckDb(
      (sql) =>
        sql.rows<{ t: string }>(
          `SELECT column_type AS t FROM (DESCRIBE SELECT * FROM ${readParquet([run.outputPath])})`,
        ),
      inProcess,
    );
    expect(types.map((row) => row.t)).toEqual([
      'BIGINT',
      'BIGINT',
      'BIGINT',
      'DOUBLE',
      'VARCHAR',
      'TIMESTAMP',
      'BOOLEAN',
    ]);
  });

  test('equal input gives equal bytes in whatever order the engine reads the rows', async () => {
    const one = query('SELECT * FROM flights', {
      orderBy: 'seen',
      outputPath: join(folder, 'one.parquet'),
    });
    const other = query('SELECT * FROM (SELECT * FROM flights ORDER BY hash(id))', {
      orderBy: 'seen',
      outputPath: join(folder, 'other.parquet'),
    });
    await runUserSql(one);
    await runUserSql(other);
    expect(await digestOfFile(one.outputPath)).toEqual(await digestOfFile(other.outputPath));
    const order = await withDuckDb(
      (sql) => sql.rows(`SELECT seen, id FROM ${readParquet([one.outputPath])} LIMIT 3`),
      inProcess,
    );
    expect(order).toEqual([
      { seen: new Date('2013-01-01T00:00:00Z'), id: 0 },
      { seen: new Date('2013-01-01T00:00:00Z'), id: 1000 },
      { seen: new Date('2013-01-01T00:00:00Z'), id: 2000 },
    ]);
  });

  test('leaves only its result on the disk', async () => {
    await runUserSql(query('SELECT 1 AS a', { outputPath: join(folder, 'alone.parquet') }));
    expect(
      (await readdir(folder)).filter((name) => name.startsWith('.') || name.endsWith('.partial')),
    ).toEqual([]);
  });
});

describe('a query with an error is SqlInvalid with the place', () => {
  test.each([
    ['syntax', 'SELECT id,\n FROM WHERE flights', 'sql/assemble.sql:2:', 'syntax error'],
    ['no SQL', '-- nothing', 'sql/assemble.sql: ', 'contains no SQL'],
    ['unknown column', 'SELECT id,\n  dely FROM flights', 'sql/assemble.sql:2:3: ', 'delay'],
    [
      'unknown column behind text that is not ASCII',
      "SELECT 'ééé' AS x, dely FROM flights",
      'sql/assemble.sql:1:20: ',
      'delay',
    ],
    ['unknown source', 'SELECT *\nFROM fligths', 'sql/assemble.sql:2:6: ', 'did you mean flights?'],
    ['unknown function', 'SELECT abss(id) FROM flights', 'sql/assemble.sql:1:8: ', 'abs'],
    ['two columns with the same name', 'SELECT 1 AS a, 2 AS A', 'sql/assemble.sql: ', "named 'A'"],
    [
      'a type that a table cannot hold',
      'SELECT [1, 2] AS both',
      'sql/assemble.sql: ',
      "'both' is of type INTEGER[]",
    ],
  ])('%s', async (_, sql, place, detail) => {
    const error = await refusal(query(sql));
    expect(error.type).toBe('SqlInvalid');
    expect(error.message.startsWith(place)).toBe(true);
    expect(error.message).toContain(detail);
    expect(error.issues[0]).toMatchObject({ file: 'sql/assemble.sql' });
  });

  test('an error on a value gives the place but not the value', async () => {
    const error = await refusal(query('SELECT id,\n  note::INTEGER AS n FROM flights'));
    expect(error.type).toBe('SqlInvalid');
    expect(error.message).toMatch(/^sql\/assemble\.sql:2:\d+: Could not convert string …/);
    expect(JSON.stringify([error.message, error.issues])).not.toContain('secret');
  });
});

describe('a query that accesses more than its tables is SqlForbidden', () => {
  test.each([
    ['another file by function', "SELECT * FROM read_csv('/etc/passwd')", 'read_csv() reads files'],
    ['another file by name', "SELECT * FROM '/etc/passwd.csv'", 'is a file'],
    ['a file in its own folder', "SELECT * FROM read_csv('readable.csv')", 'read_csv()'],
    ['text of a file', "SELECT * FROM read_text('/etc/passwd')", 'read_text()'],
    ['a list of files', "SELECT * FROM glob('/*')", 'glob()'],
    [
      'a file in a subquery',
      "SELECT (SELECT count(*) FROM 'x.parquet') AS n FROM flights",
      'is a file',
    ],
    ['settings', 'SELECT * FROM duckdb_settings()', 'duckdb_settings()'],
    ['the catalogue', 'SELECT * FROM information_schema.tables', 'information_schema.tables'],
    ['SQL in text', "SELECT * FROM query('SELECT 1')", 'query()'],
    ['COPY', "COPY flights TO '/tmp/x.csv'", 'COPY is not allowed'],
    ['ATTACH', "ATTACH '/tmp/x.db'", 'ATTACH is not allowed'],
    ['INSTALL', 'INSTALL httpfs', 'INSTALL is not allowed'],
    ['LOAD', "LOAD '/tmp/x.duckdb_extension'", 'LOAD is not allowed'],
    ['PRAGMA', 'PRAGMA version', 'PRAGMA is not allowed'],
    ['SET', '/* c */ SET lock_configuration = false', 'SET is not allowed'],
    [
      'a second statement',
      "SELECT 1 AS a; COPY flights TO '/tmp/x.csv'",
      'write one SELECT and nothing else',
    ],
    ['a second SELECT', 'SELECT 1 AS a; SELECT 2 AS b', 'contains 2 statements'],
    ['DESCRIBE', 'DESCRIBE flights', 'DESCRIBE'],
    ['the clock', 'SELECT now() AS t FROM flights', 'reads the clock'],
    ['the clock by keyword', 'SELECT current_timestamp AS t FROM flights', 'reads the clock'],
    ['randomness', 'SELECT random() AS r FROM flights', 'is random'],
    ['a sample', 'SELECT * FROM flights TABLESAMPLE 10%', 'a sample is random'],
    ['a setting', "SELECT current_setting('allowed_directories') AS s", 'database session'],
    ['a parameter', 'SELECT $1 AS p FROM flights', 'parameter'],
  ])('%s', async (_, sql, detail) => {
    const error = await refusal(query(sql));
    expect([error.type, error.message]).toEqual(['SqlForbidden', expect.stringContaining(detail)]);
  });

  test('tables outside of the folder are refused as a bug of the caller', async () => {
    const error = await refusal(query('SELECT 1 AS a', { tables: { flights: ['/etc/passwd'] } }));
    expect(error.type).toBe('InvalidInput');
  });

  test('the list has every function of this DuckDB that depends on more than its arguments', async () => {
    const names = await withDuckDb(
      (sql) =>
        sql.rows<{ name: string }>(
          `SELECT DISTINCT function_name AS name FROM duckdb_functions() WHERE stability IS DISTINCT FROM 'CONSISTENT' AND function_type = 'scalar'`,
        ),
      inProcess,
    );
    expect(
      names.map((row) => row.name).filter((name) => forbiddenFunctions[name] === undefined),
    ).toEqual([]);
  });
});

describe('a query that exceeds its limits affects no other process', () => {
  const endless =
    'SELECT sum(hash(a.i * b.i)) AS s FROM range(100000000) a(i), range(100000000) b(i)';

  test('gives SqlTimeout when it runs without end', async () => {
    const began = Date.now();
    const error = await refusal(query(endless, { limits: { memoryBytes: 512 * MiB, seconds: 1 } }));
    expect([error.type, error.message]).toEqual([
      'SqlTimeout',
      'sql/assemble.sql: did not end within 1 s',
    ]);
    expect(Date.now() - began).toBeLessThan(10_000);
  });

  test.each([
    [
      'by lists',
      'SELECT list(i || note) AS l, len(l) AS n FROM flights, range(100000) r(i) GROUP BY id % 2',
    ],
    ['by one long text', "SELECT repeat('x', 1500000000) AS t"],
  ])(
    'SqlOutOfMemory when it wants more than its limit: %s',
    async (_, sql) => {
      const error = await refusal(
        query(
          `SELECT n FROM (${sql.includes('len(') ? sql : `SELECT length(t) AS n FROM (${sql})`})`,
          {
            limits: { memoryBytes: 300 * MiB, seconds: 60 },
          },
        ),
      );
      expect(error.type).toBe('SqlOutOfMemory');
    },
    60_000,
  );

  test('stops when the caller cancels', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('run cancelled')), 700);
    await expect(runUserSql(query(endless, { signal: stop.signal }))).rejects.toThrow(
      'run cancelled',
    );
  });

  test('dies with its parent', async () => {
    const parentCode = `
      const { runUserSql } = require(${JSON.stringify(join(__dirname, '..', '..', '..', 'data', 'sql', 'user-sql.ts'))});
      void runUserSql(${JSON.stringify(query(endless))});
    `;
    const parent = spawn(process.execPath, ['-r', require.resolve('tsx/cjs'), '-e', parentCode], {
      stdio: 'ignore',
    });
    const findChild = async (): Promise<string | undefined> =>
      (await output('ps', ['-eo', 'pid=,ppid=,args=']))
        .split('\n')
        .find(
          (line) =>
            line.includes('user-sql-child.ts') &&
            Number(line.trim().split(/\s+/)[1]) === parent.pid,
        );
    await until(async () => (await findChild()) !== undefined);
    const pid = Number((await findChild())?.trim().split(/\s+/)[0]);
    parent.kill('SIGKILL');
    await until(
      async () =>
        !(await output('ps', ['-o', 'pid=,args=', '-p', String(pid)])).includes(
          'user-sql-child.ts',
        ),
    );
  });
});

function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((fulfil, reject) => {
    let text = '';
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.once('error', reject);
    child.once('close', () => fulfil(text));
  });
}
