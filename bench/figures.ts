export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Prints a table for people and, last, one JSON line. */
export function report(
  title: string,
  rows: readonly (readonly [string, string])[],
  figures: Readonly<Record<string, unknown>>,
): void {
  const width = Math.max(...rows.map(([name]) => name.length));
  process.stdout.write(
    `\n${title}\n${rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n')}\n`,
  );
  process.stdout.write(`${JSON.stringify({ bench: title, ...figures })}\n`);
}

export function rounded(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
