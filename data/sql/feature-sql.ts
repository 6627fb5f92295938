import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { rowColumn } from '../../domain/assembled';
import type { Column } from '../../domain/dataset';
import { missingText, type FeatureColumn } from '../../domain/model';
import { checkFeatureSql } from './feature-policy';
import { lockDown } from './lock-down';
import { duckDbTypes, logicalType, quoteName, quoteText } from './platform-sql';
import { fromDuckDb, sqlFailure, type SqlText } from './sql-errors';
import { parseSelect, treeText, withoutSemicolons } from './syntax';

/** `features.sql`, checked and compiled for rows of one shape. Plain data. */
export interface FeaturePlan {
  readonly text: SqlText;
  /** What the SQL reads; a caller need not send anything else. */
  readonly requestColumns: readonly Column[];
  readonly features: readonly FeatureColumn[];
  /** The author's SELECT over `request`, with `__row` added and each feature in its final type. Use it through `featureQuery`. */
  readonly select: string;
}

/**
 * The one query that training runs over Parquet and the gateway over parameters. `source` is a SELECT that gives `requestColumns` in their DuckDB types
 * and a BIGINT `__row`; the result is `__row` and the features, DOUBLE or VARCHAR, never null, in no order.
 */
export function featureQuery(plan: FeaturePlan, source: string): string {
  const columns = [rowColumn, ...plan.requestColumns.map(received)];
  return `WITH received AS (${source}), request AS (SELECT ${columns.join(', ')} FROM received) ${plan.select}`;
}

/** What the wire says for a missing value, a table says with NULL; the author's `coalesce` must see the same in both. */
function received(column: Column): string {
  const name = quoteName(column.name);
  if (column.type === 'number') return `nullif(${name}, 'NaN'::DOUBLE) AS ${name}`;
  if (column.type === 'string') return `nullif(${name}, ${quoteText(missingText)}) AS ${name}`;
  return name;
}

export interface FeatureSource {
  readonly sql: string;
  readonly request: readonly Column[];
  /** As the lifecycle names it. */
  readonly file?: string;
  /** Columns that exist in training but not in a request (the label), with the reason. */
  readonly withheld?: Readonly<Record<string, string>>;
}

/** Checks that the SQL is one row-wise, repeatable SELECT FROM request, and compiles it. SqlInvalid, SqlForbidden; each names the place. */
export async function compileFeatureSql(source: FeatureSource): Promise<FeaturePlan> {
  const text: SqlText = { sql: source.sql, file: source.file ?? 'features.sql' };
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', temp_directory: '' });
  try {
    const connection = await instance.connect();
    await lockDown(connection, null);
    const statement = await parseSelect(connection, text);
    const requestColumns = checkFeatureSql(statement, { text, request: source.request, withheld: source.withheld ?? {} });
    await connection.run(
      `CREATE TABLE request (${[...requestColumns.map((column) => `${quoteName(column.name)} ${duckDbTypes[column.type]}`), `${rowColumn} BIGINT`].join(', ')})`,
    );
    const features = await featureColumns(connection, text);
    const inner = await withRowNumber(connection, text);
    const select = `SELECT ${[rowColumn, ...features.map(finished)].join(', ')} FROM (\n${inner}\n) AS computed`;
    const plan = { text, requestColumns, features, select };
    await connection.prepare(select).then((prepared) => prepared.destroySync());
    return plan;
  } finally {
    instance.closeSync();
  }
}

async function featureColumns(connection: DuckDBConnection, text: SqlText): Promise<readonly FeatureColumn[]> {
  const prepared = await connection.prepare(text.sql).catch((error: unknown) => {
    throw fromDuckDb(error, text, 'bind');
  });
  const features: FeatureColumn[] = [];
  for (let i = 0; i < prepared.columnCount; i += 1) {
    const name = prepared.columnName(i);
    // The names become inputs of an ONNX graph and columns of a trainer's table; some libraries refuse brackets, quotes and commas there.
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) {
      throw sqlFailure('SqlInvalid', text, null, `feature ${i + 1} is named '${name}'`, {
        expected: 'a letter, then letters, digits and _',
        next: 'give it a name: … AS my_feature',
      });
    }
    if (features.some((feature) => feature.name.toLowerCase() === name.toLowerCase())) {
      throw sqlFailure('SqlInvalid', text, null, `two features are named '${name}'`);
    }
    features.push({ name, type: featureType(name, prepared.columnType(i).toString(), text) });
  }
  prepared.destroySync();
  return features;
}

function featureType(name: string, duckDbType: string, text: SqlText): FeatureColumn['type'] {
  const type = logicalType(duckDbType);
  if (type === 'string') return 'string';
  if (type === 'integer' || type === 'number' || type === 'boolean') return 'float';
  throw sqlFailure('SqlInvalid', text, null, `feature '${name}' is of type ${duckDbType}; a model takes numbers, booleans and text`, {
    ...(/DATE|TIME|INTERVAL/.test(duckDbType) && { next: `extract a number: hour(…), dayofweek(…), epoch(…)` }),
  });
}

/**
 * Rows are matched by number, never by luck of their order. The number is put into the author's own text; DuckDB's tree of the result must be the old
 * tree plus that one column. (Writing the text anew from the tree is not faithful: `1e3` becomes a DECIMAL.)
 */
async function withRowNumber(connection: DuckDBConnection, text: SqlText): Promise<string> {
  const bare = await withoutSemicolons(connection, text);
  const head = /^(?:\s|--[^\n]*\n|\/\*[^]*?\*\/)*SELECT\b/i.exec(bare)?.[0];
  if (head === undefined)
    throw sqlFailure('SqlInvalid', text, { line: 1, column: 1 }, 'does not begin with SELECT', { next: 'write SELECT … FROM request' });
  const numbered = `${head} ${rowColumn},${bare.slice(head.length)}`;
  const [before, after] = [await treeText(connection, bare), await treeText(connection, numbered)];
  const list = '"select_list":[';
  const at = before.indexOf(list) + list.length;
  const rowNode = `{"class":"COLUMN_REF","type":"COLUMN_REF","alias":"","query_location":0,"column_names":["${rowColumn}"]},`;
  if (placeless(after) === placeless(before.slice(0, at) + rowNode + before.slice(at))) return numbered;
  throw sqlFailure('SqlInvalid', text, null, 'cannot be read as a plain SELECT list', { next: 'write SELECT … FROM request' });
}

function placeless(tree: string): string {
  return tree.replace(/(?<!\\)"query_location":\d+/g, '"query_location":0');
}

/** The greatest float of 32 bits, which is what a graph takes. */
const maxFloat = '3.4028234663852886e38';

/** A number that is null, infinite or too large for the graph is missing, so that no library has to guess. */
function finished(feature: FeatureColumn): string {
  const name = quoteName(feature.name);
  if (feature.type === 'string') return `coalesce(CAST(${name} AS VARCHAR), ${quoteText(missingText)}) AS ${name}`;
  const number = `CAST(${name} AS DOUBLE)`;
  return `CASE WHEN abs(${number}) <= ${maxFloat}::DOUBLE THEN ${number} ELSE 'NaN'::DOUBLE END AS ${name}`;
}
