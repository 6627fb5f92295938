/**
 * A token of SQL as DuckDB's lexer reads it (PostgreSQL's, with nested comments and dollar quotes).
 * `trivia` is white space or a comment. Text after an unclosed opening mark is one token to the end.
 */
export interface SqlToken {
  readonly kind: 'trivia' | 'quoted' | 'word' | 'semicolon' | 'symbol';
  /** UTF-16 units from the start of the text. */
  readonly from: number;
  readonly to: number;
}

/**
 * Reads the text in one pass. No regular expression spans several tokens, because patterns over
 * comments can take exponential time.
 */
export function* sqlTokens(sql: string): Generator<SqlToken> {
  let from = 0;
  while (from < sql.length) {
    const [kind, to] = tokenAt(sql, from);
    yield { kind, from, to };
    from = to;
  }
}

function tokenAt(sql: string, from: number): readonly [SqlToken['kind'], number] {
  const first = sql.charAt(from);
  const pair = sql.slice(from, from + 2);
  if (/\s/.test(first)) return ['trivia', from + 1];
  if (pair === '--') return ['trivia', lineEnd(sql, from)];
  if (pair === '/*') return ['trivia', commentEnd(sql, from)];
  if (/^[eE]'$/.test(pair)) return ['quoted', quoteEnd(sql, from + 1, { escapes: true })];
  if (first === "'" || first === '"') return ['quoted', quoteEnd(sql, from, { escapes: false })];
  if (first === ';') return ['semicolon', from + 1];
  if (first === '$') {
    const to = dollarQuoteEnd(sql, from);
    return to === null ? ['symbol', from + 1] : ['quoted', to];
  }
  const word = wordEnd(sql, from);
  return word === from ? ['symbol', from + 1] : ['word', word];
}

function lineEnd(sql: string, from: number): number {
  let at = from;
  while (at < sql.length && sql.charAt(at) !== '\n' && sql.charAt(at) !== '\r') at += 1;
  return at;
}

function commentEnd(sql: string, from: number): number {
  let depth = 0;
  for (let at = from; at < sql.length; at += 1) {
    if (sql.startsWith('/*', at)) depth += 1;
    else if (sql.startsWith('*/', at)) depth -= 1;
    else continue;
    at += 1;
    if (depth === 0) return at + 1;
  }
  return sql.length;
}

function quoteEnd(sql: string, from: number, { escapes }: { readonly escapes: boolean }): number {
  const mark = sql.charAt(from);
  for (let at = from + 1; at < sql.length; at += 1) {
    if (escapes && sql.charAt(at) === '\\') at += 1;
    else if (sql.charAt(at) === mark) {
      if (sql.charAt(at + 1) !== mark) return at + 1;
      at += 1;
    }
  }
  return sql.length;
}

/** End of `$$ … $$` or `$name$ … $name$`; null when `$` does not open a quote. */
function dollarQuoteEnd(sql: string, from: number): number | null {
  const tagEnd = wordEnd(sql, from + 1);
  if (sql.charAt(tagEnd) !== '$' || /\d/.test(sql.charAt(from + 1))) return null;
  const tag = sql.slice(from, tagEnd + 1);
  const at = sql.indexOf(tag, tagEnd + 1);
  return at === -1 ? sql.length : at + tag.length;
}

function wordEnd(sql: string, from: number): number {
  let at = from;
  while (at < sql.length && isWordPart(sql.charCodeAt(at))) at += 1;
  return at;
}

/** Letters, digits, `_` and characters beyond ASCII. */
function isWordPart(code: number): boolean {
  return (
    code === 95 ||
    (code >= 48 && code <= 57) ||
    (code >= 65 && code <= 90) ||
    (code >= 97 && code <= 122) ||
    code > 127
  );
}
