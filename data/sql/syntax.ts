import type { DuckDBConnection } from '@duckdb/node-api';
import { count } from '../../domain/format';
import { sqlTokens, type SqlToken } from './sql-tokens';
import { placeOfByte, sqlFailure, type SqlPlace, type SqlText } from './sql-errors';

/**
 * Node of DuckDB's syntax tree from `json_serialize_sql`, without defaults, nulls and empty lists.
 */
export type SyntaxNode = { readonly [key: string]: unknown };

/**
 * More tokens than a person writes. Checked before DuckDB parses, because the tree of so many
 * tokens takes about 20 MB as JSON.
 */
const maxSqlBytes = 256 * 1024;
const maxTokens = 20_000;

/**
 * The only SELECT of the text. Parses without binding or opening anything.
 * @throws SqlInvalid, SqlForbidden
 */
export async function parseSelect(
  connection: DuckDBConnection,
  text: SqlText,
): Promise<SyntaxNode> {
  if (Buffer.byteLength(text.sql) > maxSqlBytes) {
    throw sqlFailure('SqlInvalid', text, null, `is larger than ${maxSqlBytes / 1024} KiB`);
  }
  refuseTooManyTokens(text);
  const parsed = await serialize(connection, text.sql);
  if (parsed.error === true) throw toParseError(text, parsed);
  const statements = (parsed.statements ?? []) as SyntaxNode[];
  const [only] = statements;
  if (only === undefined) throw sqlFailure('SqlInvalid', text, null, 'contains no SQL');
  if (statements.length > 1) {
    throw sqlFailure(
      'SqlForbidden',
      text,
      null,
      `contains ${statements.length} statements; only one SELECT is allowed`,
    );
  }
  return only;
}

function refuseTooManyTokens(text: SqlText): void {
  let tokens = 0;
  for (const { kind, from } of sqlTokens(text.sql)) {
    if (kind !== 'trivia') tokens += 1;
    if (tokens <= maxTokens) continue;
    const place = placeOfByte(text.sql, Buffer.byteLength(text.sql.slice(0, from)));
    throw sqlFailure('SqlInvalid', text, place, `has more than ${count(maxTokens)} tokens`, {
      next: 'split the query, or move long lists of values into a source',
    });
  }
}

async function serialize(connection: DuckDBConnection, sql: string): Promise<SyntaxNode> {
  const reader = await connection.runAndReadAll(
    'SELECT json_serialize_sql($sql::VARCHAR, skip_null := true, skip_empty := true, skip_default := true) AS tree',
    { sql },
  );
  return JSON.parse(String(reader.getRows()[0]?.[0])) as SyntaxNode;
}

function toParseError(text: SqlText, parsed: SyntaxNode): Error {
  const message = String(parsed.error_message);
  if (message.startsWith('Only SELECT')) {
    const keyword = firstKeyword(text.sql);
    if (/^(SELECT|WITH|FROM|VALUES|THIS)$/.test(keyword.word)) {
      return sqlFailure(
        'SqlForbidden',
        text,
        null,
        'contains a statement other than SELECT; write one SELECT and nothing else',
      );
    }
    return sqlFailure(
      'SqlForbidden',
      text,
      keyword.place,
      `${keyword.word} is not allowed; write one SELECT`,
    );
  }
  const place =
    typeof parsed.position === 'string' ? placeOfByte(text.sql, Number(parsed.position)) : null;
  return sqlFailure('SqlInvalid', text, place, message);
}

function firstKeyword(sql: string): { readonly word: string; readonly place: SqlPlace } {
  const first = firstToken(sql, ({ kind }) => kind !== 'trivia' && kind !== 'semicolon');
  const word = first?.kind === 'word' ? sql.slice(first.from, first.to) : 'this';
  return {
    word: word.toUpperCase(),
    place: placeOfByte(sql, Buffer.byteLength(sql.slice(0, first?.from ?? 0))),
  };
}

export function firstToken(
  sql: string,
  isWanted: (token: SqlToken) => boolean,
): SqlToken | undefined {
  for (const token of sqlTokens(sql)) if (isWanted(token)) return token;
  return undefined;
}

/** All nodes below the root, including it, outer ones first. */
export function* walkNodes(root: unknown): Generator<SyntaxNode> {
  // Iterative, because the parser allows deeper nesting than the stack of JavaScript.
  const open: unknown[] = [root];
  while (open.length > 0) {
    const next = open.pop();
    if (Array.isArray(next)) {
      for (let i = next.length - 1; i >= 0; i -= 1) open.push(next[i]);
    } else if (next !== null && typeof next === 'object') {
      yield next as SyntaxNode;
      for (const value of Object.values(next).reverse()) open.push(value);
    }
  }
}

export function findPlace(sql: string, node: SyntaxNode): SqlPlace | null {
  return typeof node.query_location === 'number' ? placeOfByte(sql, node.query_location) : null;
}

/** The query without the final semicolon, for use in brackets. Places stay the same. */
export async function withoutSemicolons(
  connection: DuckDBConnection,
  text: SqlText,
): Promise<string> {
  const { sql } = text;
  const bare = Array.from(sqlTokens(sql), ({ kind, from, to }) =>
    kind === 'semicolon' ? ' ' : sql.slice(from, to),
  ).join('');
  if ((await treeText(connection, text.sql)) === (await treeText(connection, bare))) return bare;
  throw sqlFailure(
    'SqlInvalid',
    text,
    null,
    'has a semicolon inside the query; end the file after the first',
  );
}

/** The whole tree as text, with places. JSON.parse would round 64-bit numbers. */
export async function treeText(connection: DuckDBConnection, sql: string): Promise<string> {
  const reader = await connection.runAndReadAll('SELECT json_serialize_sql($sql::VARCHAR)', {
    sql,
  });
  return String(reader.getRows()[0]?.[0]);
}
