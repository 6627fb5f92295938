import type { DuckDBConnection } from '@duckdb/node-api';
import { count } from '../../domain/format';
import { sqlTokens, type SqlToken } from './sql-tokens';
import { placeOfByte, sqlFailure, type SqlPlace, type SqlText } from './sql-errors';

/**
 * A node of DuckDB's own syntax tree, as `json_serialize_sql` gives it: with defaults, nulls and
 * empty lists left out.
 */
export type SyntaxNode = { readonly [key: string]: unknown };

/**
 * What nobody writes by hand; more is refused before DuckDB's parser sees it. The tree of this many
 * tokens takes some 20 MB as JSON.
 */
const maxSqlBytes = 256 * 1024;
const maxTokens = 20_000;

/**
 * The one SELECT that the text holds. Parses only: binds nothing, opens nothing. SqlInvalid,
 * SqlForbidden.
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
  if (parsed.error === true) throw unparsed(text, parsed);
  const statements = (parsed.statements ?? []) as SyntaxNode[];
  const [only] = statements;
  if (only === undefined) throw sqlFailure('SqlInvalid', text, null, 'holds no SQL');
  if (statements.length > 1) {
    throw sqlFailure(
      'SqlForbidden',
      text,
      null,
      `holds ${statements.length} statements; one SELECT is allowed`,
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
    throw sqlFailure(
      'SqlInvalid',
      text,
      place,
      `has more than ${count(maxTokens)} words, numbers and signs`,
      {
        next: 'split the query, or put long lists of values into a source',
      },
    );
  }
}

async function serialize(connection: DuckDBConnection, sql: string): Promise<SyntaxNode> {
  const reader = await connection.runAndReadAll(
    'SELECT json_serialize_sql($sql::VARCHAR, skip_null := true, skip_empty := true, skip_default := true) AS tree',
    { sql },
  );
  return JSON.parse(String(reader.getRows()[0]?.[0])) as SyntaxNode;
}

function unparsed(text: SqlText, parsed: SyntaxNode): Error {
  const message = String(parsed.error_message);
  if (message.startsWith('Only SELECT')) {
    const keyword = firstKeyword(text.sql);
    if (/^(SELECT|WITH|FROM|VALUES|THIS)$/.test(keyword.word)) {
      return sqlFailure(
        'SqlForbidden',
        text,
        null,
        'holds a statement that is no SELECT; write one SELECT and nothing else',
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

/** Every node below, itself included, outer ones first. */
export function* nodesOf(root: unknown): Generator<SyntaxNode> {
  // Not recursive: the parser allows deeper nesting than our stack.
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

export function placeOf(sql: string, node: SyntaxNode): SqlPlace | null {
  return typeof node.query_location === 'number' ? placeOfByte(sql, node.query_location) : null;
}

/** The same query in the same places, fit to stand between brackets. */
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

/**
 * The whole tree as text, places included. Text, because numbers of 64 bits do not survive
 * `JSON.parse`.
 */
export async function treeText(connection: DuckDBConnection, sql: string): Promise<string> {
  const reader = await connection.runAndReadAll('SELECT json_serialize_sql($sql::VARCHAR)', {
    sql,
  });
  return String(reader.getRows()[0]?.[0]);
}
