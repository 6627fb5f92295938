/**
 * The process for user SQL. Each task has its own locked-down database; requests and answers are
 * lines of JSON. For `runUserSql` and `writeFeatureTables` it runs one task and ends. For
 * `checkInSqlProcess` (argument `checks`) it writes `ready`, checks texts without data, and ends
 * when idle.
 */
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../../domain/dataset/dataset';
import { rowColumn } from '../../domain/training/assembled';
import { isPerennialError } from '../../domain/failure';
import { compileFeatures } from './feature-compiler';
import { checkFeatureSql } from './feature-policy';
import { featureQuery } from './feature-sql';
import { lockDownDatabase } from './lock-down';
import { logicalType, duckDbTypes, quoteName, quoteText, readParquet } from './platform-sql';
import { fromDuckDb, sqlFailure, type SqlText } from './sql-errors';
import { parseSelect, withoutSemicolons } from './syntax';
import { checkUserSql } from './user-sql-policy';
import type {
  SqlAnswer,
  SqlCheck,
  SqlCheckAnswer,
  SqlCheckRequest,
  SqlRefusal,
  SqlRequest,
  SqlResult,
  SqlTask,
} from './sql-process';

/** Idle time after which the process ends; the next check starts another. */
const idleMs = 30_000;

function main(): void {
  if (process.argv.includes('checks')) serveChecks();
  else
    onLines(
      (line) => void answerTo(JSON.parse(line) as SqlRequest).then((answer) => reply(answer, end)),
    );
  // The input closes when the parent ends. A query runs in its own thread, so this is noticed at
  // once; an ordinary exit would wait for the query.
  process.stdin.on('end', end);
}

function serveChecks(): void {
  let idle = setTimeout(end, idleMs);
  onLines((line) => {
    clearTimeout(idle);
    void answerToCheck(JSON.parse(line) as SqlCheckRequest).then((answer) => {
      idle = setTimeout(end, idleMs);
      reply(answer, () => undefined);
    });
  });
  process.stdout.write('ready\n');
}

function onLines(take: (line: string) => void): void {
  let text = '';
  process.stdin.setEncoding('utf8');
  process.stdin.on('data', (chunk: string) => {
    text += chunk;
    const lines = chunk.includes('\n') ? text.split('\n') : [text];
    text = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
}

function reply(answer: SqlAnswer | SqlCheckAnswer, then: () => void): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`, then);
}

function end(): void {
  process.kill(process.pid, 'SIGKILL');
}

async function answerToCheck({ check, memoryBytes }: SqlCheckRequest): Promise<SqlCheckAnswer> {
  try {
    return {
      kind: 'checked',
      result:
        check.kind === 'compileFeatures'
          ? await compileFeatures({ ...check, memoryBytes })
          : await checkText(check, memoryBytes),
    };
  } catch (error) {
    return toSqlRefusal(error);
  }
}

type TextCheck = Exclude<SqlCheck, { kind: 'compileFeatures' }>;

async function checkText(check: TextCheck, memoryBytes: number): Promise<readonly Column[] | null> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${memoryBytes}B`,
    threads: '1',
    temp_directory: '',
  });
  try {
    const connection = await instance.connect();
    await lockDownDatabase(connection, null);
    switch (check.kind) {
      case 'checkAssembly':
        if (check.tables === null) await parseSelect(connection, check.text);
        else await checkUserSql(connection, check.text, check.tables);
        return null;
      case 'checkFeatures':
        checkFeatureSql(await parseSelect(connection, check.text), { ...check, request: null });
        return null;
      case 'bindAssembly':
        return await boundColumns(connection, check);
    }
  } finally {
    instance.closeSync();
  }
}

/** Creates empty tables of the right columns, because binding needs no rows. */
async function boundColumns(
  connection: DuckDBConnection,
  { text, tables }: Extract<SqlCheck, { kind: 'bindAssembly' }>,
) {
  await checkUserSql(connection, text, Object.keys(tables));
  for (const [name, columns] of Object.entries(tables)) {
    const list = columns
      .map((column) => `${quoteName(column.name)} ${duckDbTypes[column.type]}`)
      .join(', ');
    await connection.run(`CREATE TABLE ${quoteName(name)} (${list})`);
  }
  return resultColumns(connection, text);
}

function toSqlRefusal(error: unknown): SqlRefusal {
  if (!isPerennialError(error))
    return { kind: 'broken', message: error instanceof Error ? error.message : String(error) };
  return {
    kind: 'refused',
    type: error.type,
    message: error.message,
    issues: error.issues,
    next: error.next ?? null,
  };
}

async function answerTo(request: SqlRequest): Promise<SqlAnswer> {
  try {
    const instance = await DuckDBInstance.create(':memory:', {
      memory_limit: `${request.memoryBytes}B`,
      threads: String(request.threads),
      temp_directory: request.spillDirectory,
      max_temp_directory_size: `${request.memoryBytes * 8}B`,
    });
    const connection = await instance.connect();
    await lockDownDatabase(connection, request.directory);
    const { task } = request;
    return task.kind === 'query'
      ? await runQuery(connection, task)
      : await writeFeatures(connection, task);
  } catch (error) {
    return toSqlRefusal(error);
  }
}

async function runQuery(
  connection: DuckDBConnection,
  task: Extract<SqlTask, { kind: 'query' }>,
): Promise<SqlResult> {
  const { text, tables, outputPath, orderBy } = task;
  await checkUserSql(connection, text, Object.keys(tables));
  for (const [name, paths] of Object.entries(tables)) {
    await connection.run(`CREATE VIEW ${quoteName(name)} AS SELECT * FROM ${readParquet(paths)}`);
  }
  const columns = await resultColumns(connection, text);
  const query = await withoutSemicolons(connection, text);
  const names = columns.map((column) => column.name);
  const first = names.find((name) => name.toLowerCase() === orderBy?.toLowerCase());
  const order = first === undefined ? names : [first, ...names.filter((name) => name !== first)];
  const typed = columns.map(
    ({ name, type }) => `CAST(${quoteName(name)} AS ${duckDbTypes[type]}) AS ${quoteName(name)}`,
  );
  // One line is before the user's text, so DuckDB's line numbers are one too high.
  const copy = [
    `COPY (SELECT ${typed.join(', ')} FROM (`,
    query,
    `) ORDER BY ${order.map(quoteName).join(', ')}) TO ${quoteText(outputPath)} (FORMAT parquet, COMPRESSION zstd)`,
  ].join('\n');
  try {
    const result = await connection.runAndReadAll(copy);
    return { kind: 'done', columns, rows: Number(result.getRows()[0]?.[0]) };
  } catch (error) {
    throw fromDuckDb(error, text, 'run', { linesBefore: 1 });
  }
}

async function writeFeatures(
  connection: DuckDBConnection,
  task: Extract<SqlTask, { kind: 'features' }>,
): Promise<SqlResult> {
  const { plan, carried } = task;
  const read = [rowColumn, ...plan.requestColumns.map((column) => quoteName(column.name))].join(
    ', ',
  );
  const columns = [
    ...plan.features.map((feature) => `f.${quoteName(feature.name)}`),
    ...carried.map((name) => `r.${quoteName(name)}`),
  ];
  let rows = 0;
  for (const { requestRows, features } of task.tables) {
    const source = readParquet([requestRows]);
    try {
      const result = await connection.runAndReadAll(
        `COPY (SELECT ${columns.join(', ')} FROM (${featureQuery(plan, `SELECT ${read} FROM ${source}`)}) f JOIN ${source} r USING (${rowColumn})
               ORDER BY ${rowColumn}) TO ${quoteText(features)} (FORMAT parquet, COMPRESSION zstd)`,
      );
      rows += Number(result.getRows()[0]?.[0]);
    } catch (error) {
      throw fromDuckDb(error, plan.text, 'run', { linesBefore: null });
    }
  }
  return { kind: 'done', columns: [], rows };
}

async function resultColumns(connection: DuckDBConnection, text: SqlText): Promise<Column[]> {
  const columns: Column[] = [];
  const prepared = await connection.prepare(text.sql).catch((error: unknown) => {
    throw fromDuckDb(error, text, 'bind');
  });
  for (let i = 0; i < prepared.columnCount; i += 1) {
    const name = prepared.columnName(i);
    const duckDbType = prepared.columnType(i).toString();
    const type = logicalType(duckDbType);
    if (type === null) {
      throw sqlFailure(
        'SqlInvalid',
        text,
        null,
        `column '${name}' is of type ${duckDbType.replaceAll('"', '')}, which Perennial cannot store`,
        {
          expected: 'text, a number, a boolean or a timestamp',
          next: `cast it: CAST(… AS VARCHAR) AS ${name}`,
        },
      );
    }
    if (columns.some((column) => column.name.toLowerCase() === name.toLowerCase())) {
      throw sqlFailure('SqlInvalid', text, null, `two columns are named '${name}'`, {
        next: 'give one of them another name with AS',
      });
    }
    columns.push({ name, type });
  }
  prepared.destroySync();
  return columns;
}

main();
