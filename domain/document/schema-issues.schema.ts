import type { z } from 'zod';
import type { SourceDocument } from './document';
import type { DocumentPath } from './path';
import { isMap, formatPath, valueAt } from './path';
import type { Issue } from '../failure';
import { withSchemaAllowance } from './schema-allowance';
import { nearest } from './nearest';
import { findDescription, keyDescription, suggestKey, schemaAt } from './schema-walk.schema';

export type ParseResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Parses the document with the schema: its value with every default, or every issue. */
export function parseWithSchema<S extends z.ZodType>(
  schema: S,
  document: SourceDocument,
): ParseResult<z.output<S>> {
  const parsed = withSchemaAllowance(() => schema.safeParse(document.value));
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, issues: inWords(schema, document, parsed.error.issues) };
}

/** The number of errors that get a suggestion, which costs a search of the schema. */
const maxExplained = 1_000;

/** Turns zod's issues into ours: the whole path, the expected value and the nearest valid key. */
function inWords(
  schema: z.ZodType,
  document: SourceDocument,
  found: readonly z.core.$ZodIssue[],
): readonly Issue[] {
  const misspelt = new Set<string>();
  const explained = found.slice(0, maxExplained);
  const unknown = explained.flatMap((issue) =>
    issue.code !== 'unrecognized_keys'
      ? []
      : issue.keys.map((key, at) => {
          const path = [...toDocumentPath(issue.path), key];
          const didYouMean =
            at < maxExplained ? suggestKey(schema, document.value, path) : undefined;
          if (didYouMean !== undefined)
            misspelt.add(formatPath([...path.slice(0, -1), didYouMean]));
          return document.issueAt(path, `unknown key ${formatPath(path)}`, { didYouMean });
        }),
  );
  const others = explained
    .filter((issue) => issue.code !== 'unrecognized_keys')
    // A misspelt required key is one error, not also a missing key.
    .filter(
      (issue) =>
        !(
          valueAt(document.value, toDocumentPath(issue.path)) === undefined &&
          misspelt.has(formatPath(toDocumentPath(issue.path)))
        ),
    )
    .map((issue) => issueInWords(schema, document, issue));
  return [...unknown, ...others];
}

/** `expected` defaults to the schema's description; null omits it. */
type Hints = {
  readonly expected?: string | null | undefined;
  readonly didYouMean?: string | undefined;
};

/** An issue of a schema's check. `detail` continues a sentence that begins with the key. */
export function schemaIssue(detail: string, hints: Hints = {}): z.core.$ZodRawIssue {
  return { code: 'custom', input: undefined, message: detail, params: hints };
}

function issueInWords(schema: z.ZodType, document: SourceDocument, issue: z.core.$ZodIssue): Issue {
  const path = toDocumentPath(issue.path);
  const name = path.length === 0 ? 'the document' : formatPath(path);
  const value = valueAt(document.value, path);
  const expected = findDescription(schemaAt(schema, document.value, path));
  const at: At = (detail, { expected: told = expected, didYouMean } = {}) =>
    document.issueAt(path, `${name} ${detail}`, { expected: told ?? undefined, didYouMean });

  if (issue.code === 'invalid_key') {
    return document.issueAt(path, `${name} has a name that cannot be used`, {
      expected: keyDescription(schema, document.value, path),
    });
  }
  if (issue.code === 'custom') {
    return at(issue.message, (issue.params ?? {}) as Hints);
  }
  if (value === undefined) return at('is missing');
  if (value === null) return at('is empty');
  switch (issue.code) {
    case 'invalid_type':
      return at(`must be ${kinds[issue.expected] ?? issue.expected}, not ${formatValue(value)}`);
    case 'invalid_value':
      return choice(at, value, issue.values.map(String), issue.message);
    case 'invalid_union':
      return choice(at, value, listOptions(issue), issue.message);
    case 'too_small':
      return at(
        describeBound(
          issue.origin,
          'at least',
          issue.inclusive === false ? 'more than' : 'at least',
          Number(issue.minimum),
        ),
      );
    case 'too_big':
      return at(
        describeBound(
          issue.origin,
          'at most',
          issue.inclusive === false ? 'less than' : 'at most',
          Number(issue.maximum),
        ),
      );
    case 'invalid_format':
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_element':
      return at(`cannot be ${formatValue(value)}`);
  }
}

type At = (detail: string, hints?: Hints) => Issue;

function choice(at: At, value: unknown, options: readonly string[], message: string): Issue {
  // The schema's own message for a known value that is rejected.
  if (!message.startsWith('Invalid')) return at(message, { expected: null });
  const expected = options.length === 1 ? options[0] : `one of ${options.join(', ')}`;
  const didYouMean = typeof value === 'string' ? (nearest(value, options) ?? undefined) : undefined;
  return at(`cannot be ${formatValue(value)}`, { expected, didYouMean });
}

function listOptions(issue: z.core.$ZodIssueInvalidUnion): readonly string[] {
  if ('options' in issue && Array.isArray(issue.options)) return issue.options.map(String);
  // Of a union with fixed values, such as the kinds of Perennial beside a pattern.
  return issue.errors
    .flat()
    .flatMap((each) => (each.code === 'invalid_value' ? each.values.map(String) : []));
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
};

function describeBound(origin: string, words: string, numberWords: string, limit: number): string {
  const count = (unit: string): string => `${limit} ${unit}${limit === 1 ? '' : 's'}`;
  if (origin === 'string')
    return limit === 1 && words === 'at least'
      ? 'must not be empty'
      : `must have ${words} ${count('character')}`;
  if (origin === 'array') return `must have ${words} ${count('item')}`;
  if (origin === 'record' || origin === 'object')
    return `must have ${words} ${count('entry').replace('entrys', 'entries')}`;
  return `must be ${numberWords} ${limit}`;
}

/** Short enough for one line; text is quoted, so that `"3"` and `3` differ. */
function formatValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (isMap(value)) return 'a map';
  if (typeof value === 'string')
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
  return String(value);
}

function toDocumentPath(path: readonly PropertyKey[]): DocumentPath {
  return path.filter((part) => typeof part !== 'symbol');
}
