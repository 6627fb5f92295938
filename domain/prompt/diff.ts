import { canonicalJson } from '../canonical';
import { formatPath, type DocumentPath } from '../document/path';
import { diffLines, type DiffLine } from '../document/line-diff';
import type { PromptTemplate } from './prompt';

export interface PromptChange {
  /** Such as `messages[1].template`. */
  readonly place: string;
  /** Lines of a text, or of the JSON of any other value. */
  readonly lines: readonly DiffLine[];
}

/** The changes between two templates in the order of the document; empty if they are equal. */
export function diffPrompts(from: PromptTemplate, to: PromptTemplate): readonly PromptChange[] {
  return changes([], from, to);
}

function changes(path: DocumentPath, from: unknown, to: unknown): readonly PromptChange[] {
  if (from !== undefined && to !== undefined && canonicalJson(from) === canonicalJson(to))
    return [];
  const [before, after] = [toParts(from), toParts(to)];
  if (before && after) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    const isList = Array.isArray(from);
    return keys.flatMap((key) =>
      changes([...path, isList ? Number(key) : key], before[key], after[key]),
    );
  }
  return [{ place: formatPath(path), lines: diffLines(splitLines(from), splitLines(to)) }];
}

function toParts(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)
    : null;
}

function splitLines(value: unknown): readonly string[] {
  if (value === undefined) return [];
  return (typeof value === 'string' ? value : JSON.stringify(value, null, 2)).split('\n');
}
