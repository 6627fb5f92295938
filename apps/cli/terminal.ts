/** Data goes to stdout, talk to stderr. */
export interface Terminal {
  readonly interactive: boolean;
  out(text: string): void;
  say(text: string): void;
  readonly paint: Paint;
}

export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  green(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
}

export interface TerminalOptions {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly noColor: boolean;
}

export function openTerminal({ stdout, stderr, noColor }: TerminalOptions): Terminal {
  const interactive = stderr.isTTY === true;
  const style = (code: number) => (text: string) => (interactive && !noColor ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    interactive,
    out: (text) => void stdout.write(`${text}\n`),
    say: (text) => void stderr.write(`${text}\n`),
    paint: { bold: style(1), dim: style(2), green: style(32), red: style(31), yellow: style(33) },
  };
}

/** Columns padded to their widest cell. Cells must not be painted: escape codes have no width. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(header), ...rows.map(line)].join('\n');
}
