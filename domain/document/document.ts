import { count } from '../format';
import type { DocumentPath } from './path';
import { isMap, formatPath, toJsonPointer } from './path';
import type { Issue } from '../failure';

/** A document as a plain JSON value, with the places of its parts if it was parsed from text. */
export interface SourceDocument {
  readonly value: unknown;
  /** Errors that do not depend on a schema, such as YAML syntax. */
  readonly issues: readonly Issue[];
  /** Makes an issue about `path`, with file, line and column as far as they are known. */
  readonly issueAt: IssueAt;
  /** The places of keys and values, for later checks; only of a text. */
  readonly places?: () => SourceLocations;
  /** The readable part of a text with syntax errors. Use it only to find further errors. */
  readonly readable?: ReadablePart;
}

export interface ReadablePart {
  readonly value: unknown;
  readonly issueAt: IssueAt;
  readonly places: () => SourceLocations;
  /** The line of the first syntax error; the parser may misread what follows. */
  readonly firstErrorLine: number;
}

/** By JSON pointer. Plain data. */
export type SourceLocations = Readonly<
  Record<string, { readonly line: number; readonly column: number }>
>;

export type IssueAt = (path: DocumentPath, detail: string, hints?: IssueHints) => Issue;

export interface IssueHints {
  readonly expected?: string | undefined;
  readonly didYouMean?: string | undefined;
}

/** More than a person writes, and little enough to parse safely. */
export const documentLimits = {
  bytes: 1 << 20,
  values: 100_000,
  depth: 64,
  /** Uses of YAML aliases, counted again inside each use of an alias that contains others. */
  aliases: 100,
} as const;

/** A document given as a value: a JSON body or the argument of `defineLifecycle`. */
export function objectDocument(value: unknown, fileName: string): SourceDocument {
  const issueAt = (path: DocumentPath, detail: string, hints?: IssueHints): Issue =>
    toIssue(path, detail, { file: fileName }, hints);
  const issues: Issue[] = [];
  let values = 0;
  const visit = (part: unknown, path: DocumentPath): void => {
    values += 1;
    if (values > documentLimits.values) return;
    if (path.length > documentLimits.depth) {
      issues.push(
        issueAt(
          path.slice(0, 1),
          `${formatPath(path.slice(0, 1))} is nested deeper than ${documentLimits.depth} levels`,
        ),
      );
    } else if (Array.isArray(part)) {
      part.forEach((item, index) => visit(item, [...path, index]));
    } else if (isMap(part)) {
      if (!isPlain(part))
        issues.push(
          issueAt(path, `${formatPath(path)} is a ${part.constructor.name}, not a plain object`),
        );
      else if (Object.hasOwn(part, '__proto__'))
        issues.push(issueAt(path, 'a key may not be named __proto__'));
      else
        for (const [key, member] of Object.entries(part))
          if (member !== undefined) visit(member, [...path, key]);
    } else if (
      typeof part === 'number'
        ? !Number.isFinite(part)
        : !['string', 'boolean', 'object'].includes(typeof part)
    ) {
      issues.push(
        issueAt(
          path,
          `${formatPath(path)} is ${typeof part === 'number' ? part : `a ${typeof part}`}, which is not a JSON value`,
        ),
      );
    }
  };
  visit(value, []);
  if (values > documentLimits.values)
    issues.push(issueAt([], `more than ${count(documentLimits.values)} values`));
  return { value, issues, issueAt };
}

/** Compares with the root prototype, so that objects of another realm are plain too. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

export function toIssue(
  path: DocumentPath,
  detail: string,
  place: { readonly file: string; readonly line?: number; readonly column?: number },
  { expected, didYouMean }: IssueHints = {},
): Issue {
  return {
    pointer: toJsonPointer(path),
    detail,
    ...place,
    ...(expected === undefined ? {} : { expected }),
    ...(didYouMean === undefined ? {} : { didYouMean }),
  };
}
