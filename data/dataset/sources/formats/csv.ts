import type { PerennialError } from '../../../../domain/failure';
import { logicalType, quoteText, type PlatformSql } from '../../../sql/platform-sql';
import { sourceFailure } from '../source-failure';
import { looksLike, readEnds } from './head';
import type { FormatReader, SourceFiles, Table } from './table';
import { typeText, type TextColumn } from './text-types';

/**
 * CSV by RFC 4180 with a header, and comma, semicolon, tab or bar as delimiter. DuckDB guesses
 * types from the first rows; all rows are checked against them.
 */
export const csv: FormatReader = {
  async open(sql, files) {
    const { delimiter, names } = await readHeader(files);
    const plain = selectRelation(
      files,
      delimiter,
      `auto_detect = false, columns = {${names.map((name) => `${quoteText(name)}: 'VARCHAR'`).join(', ')}}`,
    );
    const guesses = await guessTypes(sql, files, delimiter, names);
    const { columns, notes } = await typeText(sql, plain, guesses);
    return { relation: plain, columns, notes } satisfies Table;
  },
  explain,
};

const headerBytes = 1 << 20;

async function readHeader({
  source,
  paths,
}: SourceFiles): Promise<{ readonly delimiter: string; readonly names: readonly string[] }> {
  const { size, head } = await readEnds(paths[0] ?? '', headerBytes);
  if (size === 0)
    throw sourceFailure('DatasetEmpty', source, 'the file is empty', {
      next: 'check the program that writes the file',
    });
  const is = looksLike(head);
  if (is !== null && !is.includes('JSON array')) {
    throw sourceFailure('DataUnreadable', source, `not a CSV file: it looks like ${is}`, {
      next: remedy(is),
    });
  }
  const text = head.toString('utf8').replace(/^\ufeff/, '');
  const delimiter = findDelimiter(text);
  const names = withIndexNamed(headerNames(text, delimiter));
  if (names === null)
    throw sourceFailure(
      'DataUnreadable',
      source,
      'line 1: the header cannot be read because a quote in it is not closed',
    );
  checkNames(names, source);
  return { delimiter, names };
}

function remedy(is: string): string {
  if (is === 'UTF-16 text') return 'save it as UTF-8';
  if (is === 'gzip' || is.includes('archive')) return 'unpack it first';
  return 'set the real format: parquet, csv or ndjson';
}

/** The most frequent delimiter of the header outside of quotes; a comma for a one-column table. */
function findDelimiter(text: string): string {
  const header = (/^(?:"(?:[^"]|"")*"|[^"\r\n])*/.exec(text)?.[0] ?? '').replace(
    /"(?:[^"]|"")*"/g,
    '',
  );
  const counts = [',', ';', '\t', '|'].map((delimiter) => ({
    delimiter,
    count: header.split(delimiter).length - 1,
  }));
  return counts.reduce((best, each) => (each.count > best.count ? each : best)).delimiter;
}

/** Fields of the first record; null when a quote is not closed or is inside of a field. */
function headerNames(text: string, delimiter: string): readonly string[] | null {
  const between = delimiter === '\t' ? '\\t' : `\\${delimiter}`;
  const field = new RegExp(
    `(?:"((?:[^"]|"")*)"|([^"\\r\\n${between}]*))(${between}|\\r|\\n|$)`,
    'y',
  );
  const names: string[] = [];
  for (;;) {
    const match = field.exec(text);
    if (!match) return null;
    names.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] !== delimiter) return names;
  }
}

/** pandas and R write the row index as a first column without a name. DuckDB calls it `column0`. */
function withIndexNamed(names: readonly string[] | null): readonly string[] | null {
  if (names?.[0]?.trim() !== '' || names.length === 1) return names;
  return ['column0', ...names.slice(1)];
}

function checkNames(names: readonly string[], source: SourceFiles['source']): void {
  const next = 'give every column of the header its own name';
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (name.trim() === '')
      throw sourceFailure(
        'DataUnreadable',
        source,
        `line 1: column ${index + 1} of the header has no name`,
        { next },
      );
    // SQL names are case-insensitive.
    const key = name.toLowerCase();
    if (seen.has(key))
      throw sourceFailure('DataUnreadable', source, `line 1: the header has column ${name} twice`, {
        next,
      });
    seen.add(key);
  }
}

function selectRelation({ paths }: SourceFiles, delimiter: string, more: string): string {
  const list = paths.map(quoteText).join(', ');
  return `read_csv([${list}], delim = ${quoteText(delimiter)}, quote = '"', escape = '"', comment = '', header = true, skip = 0, strict_mode = true, ${more})`;
}

async function guessTypes(
  sql: PlatformSql,
  files: SourceFiles,
  delimiter: string,
  names: readonly string[],
): Promise<readonly TextColumn[]> {
  const candidates = `auto_type_candidates = ['BOOLEAN', 'BIGINT', 'DOUBLE', 'DATE', 'TIMESTAMP', 'TIMESTAMPTZ', 'VARCHAR']`;
  const sniffed = await sql
    .rows<{ column_type: string }>(
      `DESCRIBE SELECT * FROM ${selectRelation(files, delimiter, candidates)}`,
    )
    // The sniffer's errors have no line number. Reading every row as text, which follows, has one.
    .catch(() => []);
  return names.map((name, index) => {
    if (name === files.source.time) return { name, guess: 'timestamp' };
    return { name, guess: logicalType(sniffed[index]?.column_type ?? 'VARCHAR') ?? 'string' };
  });
}

function explain({ message }: Error, { source }: SourceFiles): PerennialError {
  const line = /CSV Error on Line: (\d+)/.exec(message)?.[1];
  const at = line === undefined ? '' : `line ${line}: `;
  const unreadable = (detail: string, next: string): PerennialError =>
    sourceFailure('DataUnreadable', source, `${at}${detail}`, { next });
  const [, expected, found] = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(message) ?? [];
  if (expected !== undefined && found !== undefined) {
    return unreadable(
      `${found} fields, but the header has ${expected}`,
      'correct the line, or quote the field that contains the delimiter',
    );
  }
  if (/unterminated quote/i.test(message))
    return unreadable(
      'a quote is not closed, or text follows it',
      'double each quote that belongs to the text: ""',
    );
  if (/utf-?8|unicode/i.test(message))
    return unreadable('contains bytes that are not UTF-8', 'save the file as UTF-8');
  if (/maximum line size/i.test(message))
    return unreadable('longer than 2,000,000 bytes', 'look for a quote that is not closed');
  if (/invalid state/i.test(message))
    return unreadable(
      'mixed line endings or quotes',
      'use one kind of line ending, and quotes as in RFC 4180',
    );
  return unreadable('the file cannot be read as CSV', 'write it as in RFC 4180, with a header');
}
