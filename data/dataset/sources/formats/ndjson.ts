import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { PerennialError } from '../../../../domain/failure';
import { logicalType, quoteName, quoteText, type PlatformSql } from '../../../sql/platform-sql';
import { sourceFailure } from '../source-failure';
import { looksLike, readEnds } from './head';
import { findLongestLine } from './longest-line';
import type { FormatReader, SourceFiles, Table, TableColumn } from './table';
import { typeText } from './text-types';

/**
 * One flat JSON object per line. All lines are read to find the columns, so a key that occurs only
 * in the last line counts.
 */
export const ndjson: FormatReader = {
  async open(sql, files) {
    for (const path of files.paths) await checkHead(path, files.source);
    const longest = await longestObject(files);
    const detected = await sql.rows<{ column_name: string; column_type: string }>(
      `DESCRIBE SELECT * FROM ${selectRelation(files, longest, 'sample_size = -1, maximum_depth = -1')}`,
    );
    await checkKeys(
      sql,
      files,
      longest,
      detected.map(({ column_name: name }) => name),
    );
    const keys = detected.map(({ column_name: name, column_type: found }) => ({
      name,
      found,
      read: readType(name, found, files),
    }));
    const columns = keys
      .map(({ name, read }) => `${quoteText(name)}: ${quoteText(read)}`)
      .join(', ');
    return typeKeys(
      sql,
      selectRelation(files, longest, `auto_detect = false, columns = {${columns}}`),
      keys,
      files,
    );
  },
  explain,
};

interface NdjsonKey {
  readonly name: string;
  /** DuckDB's type for all of its values. */
  readonly found: string;
  /** Type for reading. Times are read as text to keep their offset. */
  readonly read: 'VARCHAR' | 'BIGINT' | 'DOUBLE' | 'BOOLEAN' | 'JSON';
}

async function checkHead(path: string, source: SourceFiles['source']): Promise<void> {
  const { size, head } = await readEnds(path, 1 << 16);
  if (size === 0 || head.toString('latin1').trim() === '') {
    throw sourceFailure('DatasetEmpty', source, 'the file is empty', {
      next: 'check the program that writes the file',
    });
  }
  const is = looksLike(
    head.subarray(head.subarray(0, 3).equals(Buffer.of(0xef, 0xbb, 0xbf)) ? 3 : 0),
  );
  if (is === 'a JSON array')
    throw sourceFailure('DataUnreadable', source, 'the file is one JSON array', {
      next: 'write one object per line, without brackets and commas around them',
    });
  if (is !== 'JSON') {
    throw sourceFailure(
      'DataUnreadable',
      source,
      `not an NDJSON file${is === null ? '' : `: it looks like ${is}`}`,
      {
        next: is === 'gzip' ? 'unpack it first' : 'set the real format: parquet, csv or ndjson',
      },
    );
  }
}

/**
 * DuckDB's default. DuckDB allocates twice this size whatever the file holds, so a larger value is
 * used only for a longer line.
 */
const defaultBytes = 16 << 20;
/** Twice this, with the parsed values, fits the memory limit of reading a source. */
const maxBytes = 256 << 20;

/** Bytes of the longest object, for DuckDB's buffer. */
async function longestObject({ paths, source }: SourceFiles): Promise<number> {
  let longest = defaultBytes;
  for (const path of paths) {
    if ((await stat(path)).size <= defaultBytes) continue;
    const { line, bytes } = await findLongestLine(path);
    if (bytes > maxBytes) {
      const detail = `line ${line} has ${Math.ceil(bytes / 2 ** 20)} MiB; at most ${maxBytes / 2 ** 20} MiB are allowed`;
      throw sourceFailure('DataUnreadable', source, detail, {
        next: 'split its content into several rows, or leave it out',
      });
    }
    // Room for the line end and for what DuckDB adds.
    longest = Math.max(longest, bytes + 1024);
  }
  return longest;
}

function selectRelation({ paths }: SourceFiles, longest: number, more: string): string {
  const list = paths.map(quoteText).join(', ');
  return `read_json([${list}], format = 'newline_delimited', records = true, maximum_object_size = ${longest}, ${more})`;
}

/**
 * Refuses keys that differ only in case. SQL names are case-insensitive, so DuckDB would name the
 * second key `Key_1` and find no values for it.
 */
async function checkKeys(
  sql: PlatformSql,
  { source, paths }: SourceFiles,
  longest: number,
  names: readonly string[],
): Promise<void> {
  const lower = names.map((name) => name.toLowerCase());
  if (!lower.some((name) => /_\d+$/.test(name) && lower.includes(name.replace(/_\d+$/, ''))))
    return;
  const list = paths.map(quoteText).join(', ');
  const doubled = await sql.rows<{ key: string }>(
    `SELECT min(key) AS key FROM (SELECT DISTINCT unnest(json_keys(json)) AS key FROM read_ndjson_objects([${list}], maximum_object_size = ${longest})) GROUP BY lower(key) HAVING count(*) > 1`,
  );
  if (doubled[0]) {
    throw sourceFailure(
      'DataUnreadable',
      source,
      `key ${doubled[0].key} occurs in upper and lower case`,
      {
        next: 'use one spelling for each key',
      },
    );
  }
}

function readType(name: string, found: string, { source }: SourceFiles): NdjsonKey['read'] {
  if (found === 'JSON') return name === source.time ? 'VARCHAR' : 'JSON';
  switch (logicalType(found)) {
    case 'integer':
      return found === 'HUGEINT' || found === 'UBIGINT' ? 'DOUBLE' : 'BIGINT';
    case 'number':
      return 'DOUBLE';
    case 'boolean':
      return 'BOOLEAN';
    case 'string':
    case 'timestamp':
      return 'VARCHAR';
    case null:
      if (found === 'TIME') return 'VARCHAR';
      throw refuseNested(name, source);
  }
}

async function typeKeys(
  sql: PlatformSql,
  relation: string,
  keys: readonly NdjsonKey[],
  { source }: SourceFiles,
): Promise<Table> {
  const texts = keys.filter(({ read }) => read === 'VARCHAR');
  const guessed = texts.map(({ name, found }) => ({
    name,
    guess:
      name === source.time || logicalType(found) === 'timestamp'
        ? ('timestamp' as const)
        : ('string' as const),
  }));
  const { columns: typed, notes } = await typeText(sql, relation, guessed);
  const several = await scalarsOfSeveralKinds(sql, relation, keys, source);
  const columns = keys.map(({ name, read }): TableColumn => {
    const column = quoteName(name);
    switch (read) {
      case 'VARCHAR':
        return (
          typed.find((each) => each.name === name) ?? { name, type: 'string', expression: column }
        );
      case 'JSON':
        return { name, type: 'string', expression: `(${column} ->> '$')` };
      case 'BIGINT':
        return { name, type: 'integer', expression: column };
      case 'DOUBLE':
        return { name, type: 'number', expression: column };
      case 'BOOLEAN':
        return { name, type: 'boolean', expression: column };
    }
  });
  return { relation, columns, notes: [...notes, ...several] };
}

/** Notes on keys with values of several kinds. */
async function scalarsOfSeveralKinds(
  sql: PlatformSql,
  relation: string,
  keys: readonly NdjsonKey[],
  source: SourceFiles['source'],
): Promise<readonly string[]> {
  const json = keys.filter(({ read }) => read === 'JSON').map(({ name }) => name);
  if (json.length === 0) return [];
  const kinds = await sql.one<Record<string, string[] | null>>(
    `SELECT ${json.map((name, i) => `list(DISTINCT json_type(${quoteName(name)})) AS "k${i}"`).join(', ')} FROM ${relation}`,
  );
  return json.flatMap((name, i) => {
    const found = (kinds[`k${i}`] ?? []).filter((kind) => kind !== 'NULL');
    if (found.some((kind) => kind === 'OBJECT' || kind === 'ARRAY'))
      throw refuseNested(name, source);
    return found.length > 1
      ? [`column ${name} is kept as text: it holds values of several kinds`]
      : [];
  });
}

function refuseNested(name: string, source: SourceFiles['source']): PerennialError {
  return sourceFailure('DataUnreadable', source, `column ${name} is nested (an object or a list)`, {
    next: 'flatten it into separate columns, or leave it out',
  });
}

/** DuckDB's line numbers can be one off, so the line is searched again. */
async function explain(
  { message }: Error,
  { source, paths }: SourceFiles,
): Promise<PerennialError> {
  const next = 'write one flat JSON object per line, in UTF-8';
  const [, twice] = /has duplicate key "([^"]*)"/.exec(message) ?? [];
  const [, line = 'unknown'] = /in line (\d+)/.exec(message) ?? [];
  if (twice !== undefined)
    return sourceFailure('DataUnreadable', source, `line ${line}: key ${twice} occurs twice`, {
      next,
    });
  for (const path of paths) {
    const bad = await firstBadLine(path);
    if (bad)
      return sourceFailure('DataUnreadable', source, `line ${bad.line}: ${bad.why}`, { next });
  }
  return sourceFailure(
    'DataUnreadable',
    source,
    'the objects cannot be read as rows of one table',
    { next },
  );
}

async function firstBadLine(
  path: string,
): Promise<{ readonly line: number; readonly why: string } | null> {
  let line = 0;
  let keys = 0;
  for await (const text of createInterface({
    input: createReadStream(path, 'utf8'),
    crlfDelay: Infinity,
  })) {
    line += 1;
    if (text.trim() === '') continue;
    if (text.includes('\ufffd')) return { line, why: 'contains bytes that are not UTF-8' };
    let value: unknown;
    try {
      value = JSON.parse(line === 1 ? text.replace(/^\ufeff/, '') : text);
    } catch {
      return { line, why: 'not one complete JSON value' };
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return { line, why: 'not a JSON object' };
    keys += Object.keys(value).length;
  }
  return keys === 0 ? { line: 1, why: 'the objects have no keys' } : null;
}
