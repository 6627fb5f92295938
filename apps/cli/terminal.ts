import { randomBytes } from 'node:crypto';
import stringWidth from 'string-width';
import { harmless, harmlessLines } from './harmless';

/**
 * Data goes to stdout, messages to stderr. Both are painted only in a terminal. This is the only
 * place through which commands print, so here every control character that is not a line end, a tab
 * or a colour of this program becomes U+FFFD.
 */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly say: (text: string) => void;
  /** Colours for messages on stderr. */
  readonly paint: Paint;
  /** Colours for data on stdout. */
  readonly outPaint: Paint;
  /** The width of a line of output; 80 if it is unknown. */
  readonly columns: number;
  /**
   * Replaces the text that it printed before; null in a pipe, where that is not possible.
   */
  readonly screen: Screen | null;
}

export interface Screen {
  readonly rows: number;
  readonly show: (text: string) => void;
}

export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly green: (text: string) => string;
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
}

type Stream = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

export interface TerminalOptions {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly noColor: boolean;
}

export function openTerminal({ stdout, stderr, noColor }: TerminalOptions): Terminal {
  const isPainted = (stream: Stream): boolean => stream.isTTY === true && !noColor;
  return {
    out: (text) => void stdout.write(`${printable(text)}\n`),
    say: (text) => void stderr.write(`${printable(text)}\n`),
    paint: choosePaint(isPainted(stderr)),
    outPaint: choosePaint(isPainted(stdout)),
    columns: stdout.columns ?? 80,
    screen: stderr.isTTY === true ? openScreen(stderr) : null,
  };
}

/**
 * A text that is higher than the terminal is cut, because scrolled lines cannot be overwritten.
 */
function openScreen(stream: Stream): Screen {
  let before = 0;
  const rows = stream.rows ?? 24;
  return {
    rows,
    show: (text) => {
      const lines = printable(text)
        .split('\n')
        .slice(0, rows - 1);
      stream.write(`${before > 0 ? `\u001b[${before}F` : ''}\u001b[J${lines.join('\n')}\n`);
      before = lines.length;
    },
  };
}

/**
 * Marks the colours of this program. It is random in each process, so foreign text cannot contain
 * it.
 */
const paintMark = randomBytes(12).toString('hex');
const painted = new RegExp(`\\[(\\d+)m${paintMark}`, 'g');

/** The colours of this program as escape sequences, without other control characters. */
function printable(text: string): string {
  return harmlessLines(text).replace(painted, '\u001b[$1m');
}

function choosePaint(on: boolean): Paint {
  const code = (number: number) => `[${number}m${paintMark}`;
  const style = (number: number) => (text: string) =>
    on && text !== '' ? `${code(number)}${text}${code(0)}` : text;
  return { bold: style(1), dim: style(2), green: style(32), red: style(31), yellow: style(33) };
}

/** Columns padded to their widest cell; colour codes have no width. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  // A line end in a cell would look like another row.
  const cells = rows.map((row) => row.map(harmless));
  const widths = header.map((title, i) =>
    Math.max(measureWidth(title), ...cells.map((row) => measureWidth(row[i] ?? ''))),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => cell + ' '.repeat(Math.max(0, (widths[i] ?? 0) - measureWidth(cell))))
      .join('  ')
      .trimEnd();
  return [line(header), ...cells.map(line)].join('\n');
}

/** Wrapped at spaces; lines after the first are indented. Empty for an empty text. */
export function wrapText(
  text: string,
  { columns, indent }: { readonly columns: number; readonly indent: string },
): readonly string[] {
  const lines: string[] = [];
  let line = '';
  // Runs of spaces stay, because they separate columns.
  for (const part of text.trimEnd().match(/\s+\S*|\S+/g) ?? []) {
    if (line === '' || measureWidth(line + part) <= columns) line += part;
    else {
      lines.push(line);
      line = indent + part.trimStart();
    }
  }
  return line === '' ? lines : [...lines, line];
}

/**
 * Columns in a terminal: wide characters, such as Chinese ones and emoji, take two, combining marks
 * none.
 */
function measureWidth(text: string): number {
  return stringWidth(text.replace(painted, ''));
}
