/** The process behind `runUserSql`: one query in a locked-down database, then the end. A line of JSON in, a line of JSON out. */
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../../domain/dataset';
import { isPerennialError, type FailureType, type Issue } from '../../domain/failure';
import { lockDown } from './lock-down';
import { logicalType, duckDbTypes, quoteName, quoteText, readParquet } from './platform-sql';
import { fromDuckDb, sqlFailure, type SqlText } from './sql-errors';
import { serialize } from './syntax';
import { checkUserSql } from './user-sql-policy';

export interface UserSqlRequest extends SqlText {
  readonly tables: Readonly<Record<string, readonly string[]>>;
  /** All that the database may touch. */
  readonly directory: string;
  readonly outputPath: string;
  readonly spillDirectory: string;
  readonly orderBy: string | null;
  readonly memoryBytes: number;
  readonly threads: number;
}

export type UserSqlAnswer =
  | { readonly kind: 'done'; readonly columns: readonly Column[]; readonly rows: number }
  | {
      readonly kind: 'refused';
      readonly type: FailureType;
      readonly message: string;
      readonly issues: readonly Issue[];
      readonly next: string | null;
    }
  | { readonly kind: 'broken'; readonly message: string };

function main(): void {
  let line = '';
  process.stdin.setEncoding('utf8');
  process.stdin.on('data', (chunk: string) => {
    if (line.endsWith('\n')) return;
    line += chunk;
    if (line.endsWith('\n')) void answerTo(JSON.parse(line) as UserSqlRequest).then(reply);
  });
  // The parent holds the other end for as long as it lives. A query runs in a thread of its own, so this is seen at once; an ordinary exit would wait for it.
  process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL'));
}

function reply(answer: UserSqlAnswer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.kill(process.pid, 'SIGKILL'));
}

async function answerTo(request: UserSqlRequest): Promise<UserSqlAnswer> {
  try {
    const instance = await DuckDBInstance.create(':memory:', {
      memory_limit: `${request.memoryBytes}B`,
      threads: String(request.threads),
      temp_directory: request.spillDirectory,
      max_temp_directory_size: `${request.memoryBytes * 8}B`,
    });
    const connection = await instance.connect();
    await lockDown(connection, request.directory);
    return { kind: 'done', ...(await runQuery(connection, request)) };
  } catch (error) {
    if (!isPerennialError(error)) return { kind: 'broken', message: error instanceof Error ? error.message : String(error) };
    return { kind: 'refused', type: error.type, message: error.message, issues: error.issues, next: error.next ?? null };
  }
}

async function runQuery(connection: DuckDBConnection, request: UserSqlRequest): Promise<{ columns: Column[]; rows: number }> {
  await checkUserSql(connection, request, Object.keys(request.tables));
  for (const [name, paths] of Object.entries(request.tables)) {
    await connection.run(`CREATE VIEW ${quoteName(name)} AS SELECT * FROM ${readParquet(paths)}`);
  }
  const columns = await resultColumns(connection, request);
  const query = await withoutSemicolons(connection, request);
  const names = columns.map((column) => column.name);
  const first = names.find((name) => name.toLowerCase() === request.orderBy?.toLowerCase());
  const order = first === undefined ? names : [first, ...names.filter((name) => name !== first)];
  // One line before the user's text, so that DuckDB's line numbers are off by one.
  const copy = [
    `COPY (SELECT ${columns.map((column) => `CAST(${quoteName(column.name)} AS ${duckDbTypes[column.type]}) AS ${quoteName(column.name)}`).join(', ')} FROM (`,
    query,
    `) ORDER BY ${order.map(quoteName).join(', ')}) TO ${quoteText(request.outputPath)} (FORMAT parquet, COMPRESSION zstd)`,
  ].join('\n');
  try {
    const result = await connection.runAndReadAll(copy);
    return { columns, rows: Number(result.getRows()[0]?.[0]) };
  } catch (error) {
    throw fromDuckDb(error, request, 'run', { linesBefore: 1 });
  }
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
        `column '${name}' is of type ${duckDbType.replaceAll('"', '')}, which a table of Perennial cannot hold`,
        {
          expected: 'text, a number, a boolean or a timestamp',
          next: `cast it: CAST(… AS VARCHAR) AS ${name}`,
        },
      );
    }
    if (columns.some((column) => column.name.toLowerCase() === name.toLowerCase())) {
      throw sqlFailure('SqlInvalid', text, null, `two columns are named '${name}'`, { next: 'give one of them another name with AS' });
    }
    columns.push({ name, type });
  }
  prepared.destroySync();
  return columns;
}

/** The same query in the same places, fit to stand between brackets. */
async function withoutSemicolons(connection: DuckDBConnection, text: SqlText): Promise<string> {
  const opaque = /--[^\n]*|\/\*[^]*?\*\/|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[^]*?\$\1\$|;/g;
  const bare = text.sql.replace(opaque, (token) => (token === ';' ? ' ' : token));
  const [before, after] = [await serialize(connection, text.sql), await serialize(connection, bare)];
  if (JSON.stringify(before) === JSON.stringify(after)) return bare;
  throw sqlFailure('SqlInvalid', text, null, 'has a semicolon inside the query; end the file after the first');
}

main();
