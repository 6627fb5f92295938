import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { rowColumn } from '../../domain/training/assembled';
import type { Column } from '../../domain/dataset/dataset';
import { type FeatureColumn, missingText } from '../../domain/model/model';
import { checkFeatureSql } from './feature-policy';
import { lockDownDatabase } from './lock-down';
import { duckDbTypes, logicalType, quoteName, quoteText } from './platform-sql';
import { fromDuckDb, sqlFailure, type SqlText } from './sql-errors';
import { firstToken, parseSelect, treeText, withoutSemicolons } from './syntax';

/** `features.sql`, checked and compiled for request rows of one shape. Plain data. */
export interface FeaturePlan {
  readonly text: SqlText;
  /** Columns that the SQL reads; callers need not send others. */
  readonly requestColumns: readonly Column[];
  readonly features: readonly FeatureColumn[];
  /**
   * The author's SELECT over `request`, with `__row` and each feature in its final type. Use it
   * through `featureQuery`.
   */
  readonly select: string;
  /**
   * The same for a few rows in memory. Values that `finishedValue` can finish are as the author's
   * SQL returns them, because the expressions of the final types double the time of a small batch.
   */
  readonly selectOfRows: string;
}

export interface FeatureText {
  readonly text: SqlText;
  readonly request: readonly Column[];
  /** Columns that training has but requests do not, with the reason. */
  readonly withheld: Readonly<Record<string, string>>;
}

/**
 * Implements `compileFeatureSql`. Only the process for user SQL may call it, because DuckDB can
 * need unlimited time and memory for a user's SQL.
 */
export async function compileFeatures({
  text,
  request,
  withheld,
  memoryBytes,
}: FeatureText & { readonly memoryBytes: number }): Promise<FeaturePlan> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${memoryBytes}B`,
    threads: '1',
    temp_directory: '',
  });
  try {
    const connection = await instance.connect();
    await lockDownDatabase(connection, null);
    const statement = await parseSelect(connection, text);
    const requestColumns = checkFeatureSql(statement, { text, request, withheld });
    await connection.run(
      `CREATE TABLE request (${[...requestColumns.map((column) => `${quoteName(column.name)} ${duckDbTypes[column.type]}`), `${rowColumn} BIGINT`].join(', ')})`,
    );
    const computed = await featureColumns(connection, text);
    const inner = await withRowNumber(connection, text);
    const buildSelect = (columns: readonly string[]): string =>
      `SELECT ${[rowColumn, ...columns].join(', ')} FROM (\n${inner}\n) AS computed`;
    const select = buildSelect(computed.map(finishFeature));
    const selectOfRows = buildSelect(computed.map(finishedUnlessRead));
    const features = computed.map(({ name, type }): FeatureColumn => ({ name, type }));
    await connection.prepare(select).then((prepared) => prepared.destroySync());
    return { text, requestColumns, features, select, selectOfRows };
  } finally {
    instance.closeSync();
  }
}

interface ComputedColumn extends FeatureColumn {
  /** The type that the author's SQL returns. */
  readonly duckDbType: string;
}

async function featureColumns(
  connection: DuckDBConnection,
  text: SqlText,
): Promise<readonly ComputedColumn[]> {
  const prepared = await connection.prepare(text.sql).catch((error: unknown) => {
    throw fromDuckDb(error, text, 'bind');
  });
  const features: ComputedColumn[] = [];
  for (let i = 0; i < prepared.columnCount; i += 1) {
    const name = prepared.columnName(i);
    // Names become inputs of an ONNX graph and columns of a trainer's table. Some libraries do not
    // allow brackets, quotes and commas there.
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) {
      throw sqlFailure('SqlInvalid', text, null, `feature ${i + 1} is named '${name}'`, {
        expected: 'a letter, then letters, digits and _',
        next: 'give it a name: … AS my_feature',
      });
    }
    if (features.some((feature) => feature.name.toLowerCase() === name.toLowerCase())) {
      throw sqlFailure('SqlInvalid', text, null, `two features are named '${name}'`);
    }
    const duckDbType = prepared.columnType(i).toString();
    features.push({ name, type: featureType(name, duckDbType, text), duckDbType });
  }
  prepared.destroySync();
  return features;
}

function featureType(name: string, duckDbType: string, text: SqlText): FeatureColumn['type'] {
  const type = logicalType(duckDbType);
  if (type === 'string') return 'string';
  if (type === 'integer' || type === 'number' || type === 'boolean') return 'float';
  throw sqlFailure(
    'SqlInvalid',
    text,
    null,
    `feature '${name}' is of type ${duckDbType}; features are numbers, booleans or text`,
    {
      ...(/DATE|TIME|INTERVAL/.test(duckDbType) && {
        next: `extract a number: hour(…), dayofweek(…), epoch(…)`,
      }),
    },
  );
}

/**
 * Adds the row number to the author's SQL, so that rows are matched by number. The syntax tree of
 * the result must equal the old tree plus that column. SQL generated from the tree would differ:
 * `1e3` becomes a DECIMAL.
 */
async function withRowNumber(connection: DuckDBConnection, text: SqlText): Promise<string> {
  const bare = await withoutSemicolons(connection, text);
  const first = firstToken(bare, ({ kind }) => kind !== 'trivia');
  const isSelect =
    first?.kind === 'word' && bare.slice(first.from, first.to).toUpperCase() === 'SELECT';
  const head = isSelect ? bare.slice(0, first.to) : undefined;
  if (head === undefined)
    throw sqlFailure('SqlInvalid', text, { line: 1, column: 1 }, 'does not begin with SELECT', {
      next: 'write SELECT … FROM request',
    });
  const numbered = `${head} ${rowColumn},${bare.slice(head.length)}`;
  const [before, after] = [await treeText(connection, bare), await treeText(connection, numbered)];
  const list = '"select_list":[';
  const at = before.indexOf(list) + list.length;
  const rowNode = `{"class":"COLUMN_REF","type":"COLUMN_REF","alias":"","query_location":0,"column_names":["${rowColumn}"]},`;
  if (placeless(after) === placeless(before.slice(0, at) + rowNode + before.slice(at)))
    return numbered;
  throw sqlFailure('SqlInvalid', text, null, 'cannot be read as a plain SELECT list', {
    next: 'write SELECT … FROM request',
  });
}

function placeless(tree: string): string {
  return tree.replace(/(?<!\\)"query_location":\d+/g, '"query_location":0');
}

/** The largest 32-bit float, the type of a graph's inputs. */
const maxFloat = '3.4028234663852886e38';
const maxFloatNumber = Number(maxFloat);

/** Types that JavaScript reads without loss. DECIMAL and HUGEINT are converted by DuckDB. */
const readTypes = [
  'BOOLEAN',
  'TINYINT',
  'SMALLINT',
  'INTEGER',
  'BIGINT',
  'FLOAT',
  'DOUBLE',
  'VARCHAR',
];

function finishedUnlessRead(column: ComputedColumn): string {
  return readTypes.includes(column.duckDbType) ? quoteName(column.name) : finishFeature(column);
}

/** The value that `finishFeature` makes in SQL, from a value of `selectOfRows`. */
export function finishedValue(type: FeatureColumn['type'], value: unknown): string | number {
  if (type === 'string') return typeof value === 'string' ? value : missingText;
  if (value === null) return NaN;
  // Both convert 64-bit integers to the nearest double.
  const number = Number(value);
  // Minus zero becomes zero.
  return Math.abs(number) <= maxFloatNumber ? number + 0 : NaN;
}

/**
 * Numbers that are null, infinite or too large for the graph become NaN, which means missing. Minus
 * zero becomes zero, because a Parquet file stores both as the one that it saw first.
 */
function finishFeature(feature: FeatureColumn): string {
  const name = quoteName(feature.name);
  if (feature.type === 'string')
    return `coalesce(CAST(${name} AS VARCHAR), ${quoteText(missingText)}) AS ${name}`;
  const number = `CAST(${name} AS DOUBLE)`;
  return `CASE WHEN abs(${number}) <= ${maxFloat}::DOUBLE THEN ${number} + 0e0 ELSE 'NaN'::DOUBLE END AS ${name}`;
}
