/** Data goes to stdout, talk to stderr. Each is painted only where it meets a person. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly say: (text: string) => void;
  /** For what is said. */
  readonly paint: Paint;
  /** For what is put out. */
  readonly outPaint: Paint;
}

export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly green: (text: string) => string;
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
}

type Stream = NodeJS.WritableStream & { readonly isTTY?: boolean };

export interface TerminalOptions {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly noColor: boolean;
}

export function openTerminal({ stdout, stderr, noColor }: TerminalOptions): Terminal {
  const painted = (stream: Stream): boolean => stream.isTTY === true && !noColor;
  return {
    out: (text) => void stdout.write(`${text}\n`),
    say: (text) => void stderr.write(`${text}\n`),
    paint: paintOf(painted(stderr)),
    outPaint: paintOf(painted(stdout)),
  };
}

function paintOf(on: boolean): Paint {
  const style = (code: number) => (text: string) => (on && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text);
  return { bold: style(1), dim: style(2), green: style(32), red: style(31), yellow: style(33) };
}

/** Columns padded to their widest cell; the codes of paint have no width. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => widthOf(row[i] ?? ''))));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell + ' '.repeat(Math.max(0, (widths[i] ?? 0) - widthOf(cell))))
      .join('  ')
      .trimEnd();
  return [line(header), ...rows.map(line)].join('\n');
}

function widthOf(text: string): number {
  return Array.from(text.replace(/\u001b\[\d+m/g, '')).length;
}
