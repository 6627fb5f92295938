import type { DuckDBConnection } from '@duckdb/node-api';
import { nearest } from '../../domain/document/nearest';
import { sqlFailure, type SqlText } from './sql-errors';
import { walkNodes, parseSelect, findPlace, type SyntaxNode } from './syntax';

/**
 * Refuses user SQL that is not one SELECT over `tables` or not repeatable. The locked-down database
 * of the child is the protection; this check gives errors with cause and place.
 */
export async function checkUserSql(
  connection: DuckDBConnection,
  text: SqlText,
  tables: readonly string[],
): Promise<void> {
  const statement = await parseSelect(connection, text);
  const ctes = new Set<string>();
  for (const node of walkNodes(statement)) {
    if (isCteEntry(node)) ctes.add(node.key.toLowerCase());
  }
  const known = new Set([...tables.map((name) => name.toLowerCase()), ...ctes]);
  for (const node of walkNodes(statement)) {
    checkTable(node, text, known, tables);
    checkExpression(node, text);
    if (node.sample !== undefined) {
      throw sqlFailure(
        'SqlForbidden',
        text,
        findPlace(text.sql, node),
        'a sample is random, so equal input would give different rows',
        {
          next: 'select rows by a hash of a column: WHERE hash(id) % 10 = 0',
        },
      );
    }
  }
}

function isCteEntry(node: SyntaxNode): node is SyntaxNode & { readonly key: string } {
  return (
    typeof node.key === 'string' &&
    typeof node.value === 'object' &&
    node.value !== null &&
    'query' in node.value
  );
}

function checkTable(
  node: SyntaxNode,
  text: SqlText,
  known: ReadonlySet<string>,
  tables: readonly string[],
): void {
  // Finding a place reads the text up to it, so places are computed only for errors.
  const refuse = (
    type: 'SqlForbidden' | 'SqlInvalid',
    detail: (sources: string) => string,
    more: { at?: SyntaxNode; didYouMean?: string | null } = {},
  ): Error => {
    const { at = node, didYouMean = null } = more;
    const place = findPlace(text.sql, at) ?? findPlace(text.sql, node);
    return sqlFailure(type, text, place, detail(`the sources are ${tables.join(', ')}`), {
      didYouMean,
    });
  };
  if (node.type === 'SHOW_REF')
    throw refuse(
      'SqlForbidden',
      () => 'DESCRIBE, SHOW and SUMMARIZE are not allowed; write a SELECT',
    );
  if (node.type === 'TABLE_FUNCTION') {
    const called = node.function as SyntaxNode | undefined;
    const name = String(called?.function_name);
    if (tableFunctions.has(name.toLowerCase())) return;
    const reads = /^read_|_scan$|^glob$|^sniff_|^parquet_/.test(name)
      ? 'reads files'
      : 'is not a source';
    throw refuse(
      'SqlForbidden',
      (sources) => `${name}() ${reads}; ${sources}`,
      called === undefined ? {} : { at: called },
    );
  }
  if (node.type !== 'BASE_TABLE') return;
  const name = String(node.table_name);
  if (
    node.schema_name === undefined &&
    node.catalog_name === undefined &&
    known.has(name.toLowerCase())
  )
    return;
  if (node.schema_name !== undefined || node.catalog_name !== undefined || /[./\\:*]/.test(name)) {
    const full = [node.catalog_name, node.schema_name, name]
      .filter((part) => typeof part === 'string')
      .join('.');
    throw refuse(
      'SqlForbidden',
      (sources) => `'${full}' is a file or another database; ${sources}`,
    );
  }
  throw refuse('SqlInvalid', (sources) => `there is no source '${name}'; ${sources}`, {
    didYouMean: nearest(name, tables),
  });
}

function checkExpression(node: SyntaxNode, text: SqlText): void {
  if (node.class === 'PARAMETER')
    throw sqlFailure(
      'SqlForbidden',
      text,
      findPlace(text.sql, node),
      'a parameter has no value here',
    );
  if (node.class === 'COLUMN_REF') {
    const names = (node.column_names ?? []) as string[];
    const reason = names.length === 1 ? valueKeywords[(names[0] ?? '').toLowerCase()] : undefined;
    if (reason !== undefined) throw unrepeatable(text, node, names[0] ?? '', reason);
  }
  if (typeof node.function_name === 'string') {
    const reason = forbiddenFunctions[node.function_name.toLowerCase()];
    if (reason !== undefined) throw unrepeatable(text, node, `${node.function_name}()`, reason);
  }
}

function unrepeatable(
  text: SqlText,
  node: SyntaxNode,
  name: string,
  reason: ForbiddenReason,
): Error {
  return sqlFailure('SqlForbidden', text, findPlace(text.sql, node), `${name} ${reasons[reason]}`, {
    ...(reason === 'clock' && {
      next: "take the time from the data, which is in the run's window",
    }),
  });
}

const reasons = {
  clock: 'reads the clock, so equal input would give different rows',
  random: 'is random, so equal input would give different rows',
  session: 'depends on the database session, not on the data',
  effect: 'does more than compute a value',
} as const;
type ForbiddenReason = keyof typeof reasons;

/** Words without parentheses that DuckDB reads as functions unless a column has the name. */
const valueKeywords: Readonly<Record<string, ForbiddenReason>> = {
  current_date: 'clock',
  current_time: 'clock',
  current_timestamp: 'clock',
  localtime: 'clock',
  localtimestamp: 'clock',
  current_user: 'session',
  current_role: 'session',
  current_schema: 'session',
  current_catalog: 'session',
  session_user: 'session',
};

/**
 * Functions of DuckDB 1.5 whose result does not depend on their arguments alone. A test compares
 * this list with DuckDB's own.
 */
export const forbiddenFunctions: Readonly<Record<string, ForbiddenReason>> = {
  now: 'clock',
  today: 'clock',
  ago: 'clock',
  current_date: 'clock',
  current_localtime: 'clock',
  current_localtimestamp: 'clock',
  get_current_time: 'clock',
  get_current_timestamp: 'clock',
  transaction_timestamp: 'clock',
  pg_conf_load_time: 'clock',
  pg_postmaster_start_time: 'clock',
  random: 'random',
  setseed: 'random',
  uuid: 'random',
  uuidv4: 'random',
  uuidv7: 'random',
  gen_random_uuid: 'random',
  reservoir_quantile: 'random',
  nextval: 'session',
  currval: 'session',
  stats: 'session',
  txid_current: 'session',
  current_connection_id: 'session',
  current_transaction_id: 'session',
  current_query_id: 'session',
  current_query: 'session',
  current_schema: 'session',
  current_schemas: 'session',
  current_database: 'session',
  current_catalog: 'session',
  current_user: 'session',
  current_role: 'session',
  current_setting: 'session',
  session_user: 'session',
  user: 'session',
  getvariable: 'session',
  getenv: 'session',
  in_search_path: 'session',
  version: 'session',
  vector_type: 'session',
  write_log: 'effect',
  sleep_ms: 'effect',
  pg_sleep: 'effect',
  error: 'effect',
};

const tableFunctions: ReadonlySet<string> = new Set([
  'unnest',
  'range',
  'generate_series',
  'json_each',
  'json_tree',
]);
