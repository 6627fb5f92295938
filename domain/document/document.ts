import { count } from '../format';
import type { DocumentPath } from './path';
import { isMap, nameOf, pointerOf } from './path';
import type { Issue } from '../failure';

/**
 * Something a person wrote, as a plain JSON value, with the places of its parts if it was a text.
 */
export interface WrittenDocument {
  readonly value: unknown;
  /** What is wrong with it whatever it means. */
  readonly issues: readonly Issue[];
  /**
   * An issue about the key or value at `path`, with file, line and column as far as they are known.
   */
  readonly issueAt: IssueAt;
  /** Where its keys and values are, for issues that are found elsewhere; only of a text. */
  readonly places?: () => Places;
  /**
   * Of a text with mistakes of syntax: what can be read all the same. Nothing may be made of it but
   * a list of further mistakes.
   */
  readonly readable?: ReadableRest;
}

export interface ReadableRest {
  readonly value: unknown;
  readonly issueAt: IssueAt;
  readonly places: () => Places;
  /** The line of the first mistake: what follows may be read as something else than was meant. */
  readonly brokenLine: number;
}

/** By pointer. Plain data. */
export type Places = Readonly<Record<string, { readonly line: number; readonly column: number }>>;

export type IssueAt = (path: DocumentPath, detail: string, hints?: IssueHints) => Issue;

export interface IssueHints {
  readonly expected?: string | undefined;
  readonly didYouMean?: string | undefined;
}

/** Far beyond what a person writes, far below what could stop a process. */
export const documentLimits = { bytes: 1 << 20, values: 100_000, depth: 64 } as const;

/** A document that came as a value: a JSON body, or `defineLifecycle`. */
export function objectDocument(value: unknown, fileName: string): WrittenDocument {
  const issueAt = (path: DocumentPath, detail: string, hints?: IssueHints): Issue =>
    issueOf(path, detail, { file: fileName }, hints);
  const issues: Issue[] = [];
  let values = 0;
  const visit = (part: unknown, path: DocumentPath): void => {
    values += 1;
    if (values > documentLimits.values) return;
    if (path.length > documentLimits.depth) {
      issues.push(
        issueAt(
          path.slice(0, 1),
          `${nameOf(path.slice(0, 1))} is nested deeper than ${documentLimits.depth} levels`,
        ),
      );
    } else if (Array.isArray(part)) {
      part.forEach((item, index) => visit(item, [...path, index]));
    } else if (isMap(part)) {
      if (!isPlain(part))
        issues.push(
          issueAt(path, `${nameOf(path)} is a ${part.constructor.name}, not a plain object`),
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
          `${nameOf(path)} is ${typeof part === 'number' ? part : `a ${typeof part}`}, which is not a JSON value`,
        ),
      );
    }
  };
  visit(value, []);
  if (values > documentLimits.values)
    issues.push(issueAt([], `more than ${count(documentLimits.values)} values`));
  return { value, issues, issueAt };
}

/** A root prototype instead of Object.prototype, so that objects of another realm count too. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

export function issueOf(
  path: DocumentPath,
  detail: string,
  place: { readonly file: string; readonly line?: number; readonly column?: number },
  { expected, didYouMean }: IssueHints = {},
): Issue {
  return {
    pointer: pointerOf(path),
    detail,
    ...place,
    ...(expected === undefined ? {} : { expected }),
    ...(didYouMean === undefined ? {} : { didYouMean }),
  };
}
