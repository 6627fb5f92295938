import { canonicalJson } from '../canonical';
import { nameOf, type DocumentPath } from '../document/path';
import type { PromptTemplate } from './prompt';

export interface PromptChange {
  /** Such as `messages[1].template`. */
  readonly place: string;
  /** Lines of a text, or of the JSON of any other value. */
  readonly lines: readonly DiffLine[];
}

export interface DiffLine {
  readonly sign: ' ' | '+' | '-';
  readonly text: string;
}

/** The changes between two templates in the order of the document; empty if they are equal. */
export function diffPrompts(from: PromptTemplate, to: PromptTemplate): readonly PromptChange[] {
  return changes([], from, to);
}

function changes(path: DocumentPath, from: unknown, to: unknown): readonly PromptChange[] {
  if (from !== undefined && to !== undefined && canonicalJson(from) === canonicalJson(to))
    return [];
  const [before, after] = [partsOf(from), partsOf(to)];
  if (before && after) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    const isList = Array.isArray(from);
    return keys.flatMap((key) =>
      changes([...path, isList ? Number(key) : key], before[key], after[key]),
    );
  }
  return [{ place: nameOf(path), lines: diffLines(linesOf(from), linesOf(to)) }];
}

function partsOf(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)
    : null;
}

function linesOf(value: unknown): readonly string[] {
  if (value === undefined) return [];
  return (typeof value === 'string' ? value : JSON.stringify(value, null, 2)).split('\n');
}

/** With more pairs of lines, a text counts as replaced; this many take 16 MB of memory. */
const maxPairs = 4_000_000;

/** By the longest common subsequence; quadratic, but prompts have few lines. */
function diffLines(from: readonly string[], to: readonly string[]): readonly DiffLine[] {
  if (from.length * to.length > maxPairs) {
    return [
      ...from.map((text) => ({ sign: '-' as const, text })),
      ...to.map((text) => ({ sign: '+' as const, text })),
    ];
  }
  const width = to.length + 1;
  const longest = new Uint32Array((from.length + 1) * width);
  const at = (i: number, j: number) => longest[i * width + j] ?? 0;
  for (let i = from.length - 1; i >= 0; i -= 1) {
    for (let j = to.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] =
        from[i] === to[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < from.length || j < to.length) {
    const [before, after] = [from[i], to[j]];
    if (before !== undefined && before === after) {
      lines.push({ sign: ' ', text: before });
      i += 1;
      j += 1;
    } else if (before !== undefined && (after === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ sign: '-', text: before });
      i += 1;
    } else {
      lines.push({ sign: '+', text: after ?? '' });
      j += 1;
    }
  }
  return lines;
}
