import { failure } from '../failure';

/** What a search of the tracking API compares: `metrics.auc`, `params.C`, `tags.team`, `status`. */
export interface SearchedKey {
  readonly kind: 'metric' | 'param' | 'tag' | 'attribute';
  readonly key: string;
}

export type SearchOperator =
  | '='
  | '!='
  | '>'
  | '>='
  | '<'
  | '<='
  | 'LIKE'
  | 'ILIKE'
  | 'IN'
  | 'NOT IN'
  | 'IS NULL'
  | 'IS NOT NULL';

export interface SearchTerm extends SearchedKey {
  readonly operator: SearchOperator;
  /** Numbers as texts. Several for IN, none for IS NULL. */
  readonly values: readonly string[];
}

export interface SearchOrder extends SearchedKey {
  readonly direction: 'asc' | 'desc';
}

const kinds: Readonly<Record<string, SearchedKey['kind']>> = {
  metric: 'metric',
  metrics: 'metric',
  param: 'param',
  params: 'param',
  parameter: 'param',
  parameters: 'param',
  tag: 'tag',
  tags: 'tag',
  attribute: 'attribute',
  attributes: 'attribute',
  attr: 'attribute',
  run: 'attribute',
};

const maxTerms = 30;
const maxLength = 6_000;

/**
 * Each token is matched at one place, and no two parts of a pattern can match the same character.
 * So the time is proportional to the length of the text.
 */
const tokens = {
  spaces: /\s*/y,
  /** The kind of a key and its dot. */
  kind: /(\w+)\s*\.\s*/y,
  quotedKey: /`[^`]+`|"[^"]+"/y,
  plainKey: /[\w./-]+/y,
  operator: /!=|>=|<=|[=<>]|(?:NOT\s+IN|IN|ILIKE|LIKE|IS\s+NOT\s+NULL|IS\s+NULL)(?!\w)/iy,
  value: /'[^']*'|"[^"]*"|[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?(?![\w.])/iy,
  open: /\(/y,
  comma: /,/y,
  close: /\)/y,
  and: /AND(?!\w)/iy,
  direction: /(?:ASC|DESC)(?!\w)/iy,
} as const satisfies Readonly<Record<string, RegExp>>;

/** A text that is read from left to right. */
interface Reader {
  readonly text: string;
  at: number;
}

/**
 * Reads a filter: terms joined by `AND`.
 * @throws InvalidInput with the rest that was not understood
 */
export function parseFilter(filter: string): readonly SearchTerm[] {
  if (filter.length > maxLength) throw invalid(`is longer than ${maxLength} characters`);
  const reader: Reader = { text: filter, at: 0 };
  const terms: SearchTerm[] = [];
  while (skipSpaces(reader) < filter.length) {
    const from = reader.at;
    if (terms.length > 0) {
      if (take(reader, 'and') === null) throw unclear(filter, from);
      skipSpaces(reader);
    }
    const term = readTerm(reader);
    if (term === null) throw unclear(filter, from);
    terms.push(term);
    if (terms.length > maxTerms) throw invalid(`has more than ${maxTerms} terms`);
  }
  return terms;
}

/** Reads `metrics.auc DESC`. @throws InvalidInput */
export function parseOrder(order: string): SearchOrder {
  const refused = failure('InvalidInput', `cannot sort by ${JSON.stringify(order.slice(0, 100))}`, {
    next: 'sort by a key such as `metrics.auc DESC`',
  });
  if (order.length > maxLength) throw refused;
  const reader: Reader = { text: order, at: 0 };
  skipSpaces(reader);
  const key = readKey(reader);
  skipSpaces(reader);
  const direction = take(reader, 'direction')?.toUpperCase();
  if (key === null || skipSpaces(reader) < order.length) throw refused;
  return { ...findKind(key), direction: direction === 'DESC' ? 'desc' : 'asc' };
}

function readTerm(reader: Reader): SearchTerm | null {
  const key = readKey(reader);
  skipSpaces(reader);
  const word = take(reader, 'operator');
  if (key === null || word === null) return null;
  const operator = word.toUpperCase().replace(/\s+/g, ' ') as SearchOperator;
  const values = readValues(reader, operator);
  return values === null ? null : { ...findKind(key), operator, values };
}

function readValues(reader: Reader, operator: SearchOperator): readonly string[] | null {
  if (operator === 'IS NULL' || operator === 'IS NOT NULL') return [];
  skipSpaces(reader);
  if (operator === 'IN' || operator === 'NOT IN') return readList(reader);
  const value = take(reader, 'value');
  return value === null ? null : [unquote(value)];
}

/** `('a', 2)`. A comma may follow the last value. */
function readList(reader: Reader): readonly string[] | null {
  if (take(reader, 'open') === null) return null;
  const values: string[] = [];
  for (;;) {
    skipSpaces(reader);
    const value = take(reader, 'value');
    if (value !== null) values.push(unquote(value));
    skipSpaces(reader);
    if (value !== null && take(reader, 'comma') !== null) continue;
    return values.length > 0 && take(reader, 'close') !== null ? values : null;
  }
}

interface WrittenKey {
  readonly kind: string | null;
  readonly key: string;
}

function readKey(reader: Reader): WrittenKey | null {
  const kind = take(reader, 'kind');
  const quoted = take(reader, 'quotedKey');
  const key = quoted === null ? take(reader, 'plainKey') : quoted.slice(1, -1);
  if (key === null) return null;
  return { kind: kind === null ? null : (kind.split('.')[0] ?? '').trimEnd(), key };
}

/** @throws InvalidInput if there is no such kind of key */
function findKind({ kind, key }: WrittenKey): SearchedKey {
  if (kind === null) return { kind: 'attribute', key };
  const known = Object.hasOwn(kinds, kind.toLowerCase()) ? kinds[kind.toLowerCase()] : undefined;
  if (known !== undefined) return { kind: known, key };
  throw invalid(`has no key ${kind}.${key}`);
}

function skipSpaces(reader: Reader): number {
  take(reader, 'spaces');
  return reader.at;
}

/** The token at the place of the reader, which moves behind it. */
function take(reader: Reader, name: keyof typeof tokens): string | null {
  const pattern = tokens[name];
  pattern.lastIndex = reader.at;
  const [token] = pattern.exec(reader.text) ?? [null];
  if (token !== null) reader.at += token.length;
  return token;
}

function unquote(value: string): string {
  return /^['"]/.test(value) ? value.slice(1, -1) : value;
}

function unclear(filter: string, from: number): Error {
  const rest = filter.slice(from).trim().slice(0, 100);
  return invalid(`is not understood from here: ${JSON.stringify(rest)}`);
}

function invalid(what: string): Error {
  return failure('InvalidInput', `the filter ${what}`, {
    next: "write terms such as metrics.auc > 0.7 AND params.C = '1' AND tags.team = 'a'",
  });
}
