/** The differences between two texts, line by line. */
export interface DiffLine {
  readonly sign: ' ' | '+' | '-';
  readonly text: string;
}

/** With more pairs of lines, a text counts as replaced; this many take 16 MB of memory. */
const maxPairs = 4_000_000;

/** By the longest common subsequence; quadratic, but prompts have few lines. */
export function diffLines(from: readonly string[], to: readonly string[]): readonly DiffLine[] {
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

/** Lines around a change that a diff shows. */
const contextLines = 2;

/** The changed lines with some around them; `…` stands for the equal lines that are left out. */
export function changedLines(before: string, after: string): readonly string[] {
  const lines = diffLines(before.split('\n'), after.split('\n'));
  const near = new Set<number>();
  lines.forEach(({ sign }, index) => {
    if (sign === ' ') return;
    for (let at = index - contextLines; at <= index + contextLines; at += 1) near.add(at);
  });
  return lines.flatMap(({ sign, text }, index) => {
    if (near.has(index)) return [`${sign} ${text}`.trimEnd()];
    return near.has(index - 1) ? ['…'] : [];
  });
}
