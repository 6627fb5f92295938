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

const mostTerms = 30;
const mostLength = 6_000;
const key = '(?:(\\w+)\\s*\\.\\s*)?(?:`([^`]+)`|"([^"]+)"|([\\w./-]+))';
const text = '\'[^\']*\'|"[^"]*"';
const number = '[-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][-+]?\\d+)?';
const list = `\\(\\s*(?:${text}|${number})(?:\\s*,\\s*(?:${text}|${number}))*\\s*,?\\s*\\)`;
const operator = '!=|>=|<=|=|>|<|NOT\\s+IN|IN|ILIKE|LIKE|IS\\s+NOT\\s+NULL|IS\\s+NULL';
const term = new RegExp(
  `^\\s*${key}\\s*(?<operator>${operator})\\s*(?<value>${list}|${text}|${number})?`,
  'i',
);

/**
 * Reads a filter: terms joined by `AND`.
 * @throws InvalidInput with the rest that was not understood
 */
export function parseFilter(filter: string): readonly SearchTerm[] {
  checkLength(filter);
  const terms: SearchTerm[] = [];
  let rest = filter;
  while (rest.trim() !== '') {
    if (terms.length > 0) {
      const joined = /^\s+AND\s+/i.exec(rest) ?? unclear(rest);
      rest = rest.slice(joined[0].length);
    }
    const found = term.exec(rest) ?? unclear(rest);
    terms.push(termOf(found, rest));
    if (terms.length > mostTerms) throw invalid(`has more than ${mostTerms} terms`);
    rest = rest.slice(found[0].length);
  }
  return terms;
}

/** Reads `metrics.auc DESC`. @throws InvalidInput */
export function parseOrder(order: string): SearchOrder {
  checkLength(order);
  const found = new RegExp(`^\\s*${key}(?:\\s+(?<direction>ASC|DESC))?\\s*$`, 'i').exec(order);
  if (found === null)
    throw failure('InvalidInput', `cannot sort by ${JSON.stringify(order.slice(0, 100))}`, {
      next: 'sort by a key such as `metrics.auc DESC`',
    });
  const isDescending = found.groups?.['direction']?.toUpperCase() === 'DESC';
  return { ...keyOf(found), direction: isDescending ? 'desc' : 'asc' };
}

function termOf(found: RegExpExecArray, rest: string): SearchTerm {
  const { operator: said = '', value } = found.groups ?? {};
  const operator = said.toUpperCase().replace(/\s+/g, ' ') as SearchOperator;
  const takesNone = operator === 'IS NULL' || operator === 'IS NOT NULL';
  const takesList = operator === 'IN' || operator === 'NOT IN';
  if (takesNone !== (value === undefined)) unclear(rest);
  const values = value === undefined ? [] : valuesOf(value);
  if (!takesNone && takesList !== value?.startsWith('(')) unclear(rest);
  return { ...keyOf(found), operator, values };
}

function valuesOf(value: string): readonly string[] {
  const each = value.startsWith('(')
    ? (value.match(new RegExp(`${text}|${number}`, 'g')) ?? [])
    : [value];
  return each.map((one) => (/^['"]/.test(one) ? one.slice(1, -1) : one));
}

function keyOf(found: RegExpExecArray): SearchedKey {
  const [, kind, ...keys] = found as readonly (string | undefined)[];
  const key = keys.slice(0, 3).find((each) => each !== undefined) ?? '';
  if (kind === undefined) return { kind: 'attribute', key };
  const known = Object.hasOwn(kinds, kind.toLowerCase()) ? kinds[kind.toLowerCase()] : undefined;
  if (known !== undefined) return { kind: known, key };
  throw invalid(`has no key ${kind}.${key}`);
}

function checkLength(given: string): void {
  if (given.length > mostLength) throw invalid(`is longer than ${mostLength} characters`);
}

function unclear(rest: string): never {
  throw invalid(`is not understood from here: ${JSON.stringify(rest.trim().slice(0, 100))}`);
}

function invalid(what: string): Error {
  return failure('InvalidInput', `the filter ${what}`, {
    next: "write terms such as metrics.auc > 0.7 AND params.C = '1' AND tags.team = 'a'",
  });
}
