import { failure, type FailureType, type PerennialError } from '../../domain/failure';

/** SQL and the path of its file. */
export interface SqlText {
  readonly sql: string;
  /** Path in the lifecycle, `sql/assemble.sql`. */
  readonly file: string;
}

export interface SqlPlace {
  readonly line: number;
  readonly column: number;
}

/** An error in SQL, with its place in the message and the issue. */
export function sqlFailure(
  type: FailureType,
  text: SqlText,
  place: SqlPlace | null,
  detail: string,
  extra: {
    readonly next?: string;
    readonly didYouMean?: string | null;
    readonly expected?: string;
    readonly cause?: unknown;
  } = {},
): PerennialError {
  const where = place === null ? text.file : `${text.file}:${place.line}:${place.column}`;
  const hint = extra.didYouMean == null ? '' : `; did you mean ${extra.didYouMean}?`;
  return failure(type, `${where}: ${detail}${hint}`, {
    cause: extra.cause,
    next: extra.next ?? 'correct the SQL, then run: perennial lifecycle apply <folder>',
    issues: [
      {
        pointer: '',
        file: text.file,
        detail,
        ...(place !== null && { line: place.line, column: place.column }),
        ...(extra.didYouMean != null && { didYouMean: extra.didYouMean }),
        ...(extra.expected !== undefined && { expected: extra.expected }),
      },
    ],
  });
}

/** DuckDB counts UTF-8 bytes from 0; places count characters and lines from 1. */
export function placeOfByte(sql: string, byteOffset: number): SqlPlace {
  const before = Buffer.from(sql, 'utf8').subarray(0, byteOffset).toString('utf8');
  const lines = before.split('\n');
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

/**
 * Turns DuckDB's error into a failure. With `phase: 'run'` the message may quote values of rows, so
 * quoted text that is not in the SQL is left out (I11). `linesBefore` is the number of lines before
 * the user's text; null when DuckDB got another text.
 */
export function fromDuckDb(
  error: unknown,
  text: SqlText,
  phase: 'bind' | 'run',
  { linesBefore }: { readonly linesBefore: number | null } = { linesBefore: 0 },
): PerennialError {
  // Not `instanceof`: in tests, errors of native code belong to another realm.
  const message = shortenMessage(
    String((error as { readonly message?: unknown } | null)?.message ?? error),
  );
  const [head = '', ...rest] = message.split('\nLINE ');
  const place =
    rest.length === 0 || linesBefore === null
      ? null
      : placeOfExcerpt(`LINE ${rest.join('\nLINE ')}`, text.sql, linesBefore);
  const said =
    phase === 'bind'
      ? head
          .split('\n')
          .map((line) => line.trim())
          .filter((line) => line !== '')
          .join(' ')
      : withoutRowValues((head.split('\n')[0] ?? '').trim(), text.sql);
  const [, kind = '', body = said] = /^([A-Z][A-Za-z ]*) Error: ([^]*)$/.exec(said) ?? [];
  if (kind === 'Out of Memory') {
    return sqlFailure(
      'SqlOutOfMemory',
      text,
      place,
      `the query exceeds its memory limit (${body})`,
      {
        cause: withoutCause(phase, error),
        next: 'aggregate or filter before joining, or select fewer columns',
      },
    );
  }
  if (
    kind === 'Permission' ||
    /disabled by configuration|locked|file system operations/i.test(body)
  ) {
    return sqlFailure('SqlForbidden', text, place, body, { cause: withoutCause(phase, error) });
  }
  const type =
    kind === 'IO' && /permission|cannot access/i.test(body) ? 'SqlForbidden' : 'SqlInvalid';
  return sqlFailure(type, text, place, body === '' ? kind : body, {
    cause: withoutCause(phase, error),
  });
}

/**
 * Shortens a message with a long quoted value, on which the patterns below would take quadratic
 * time. The start has the cause and the end has the place.
 */
function shortenMessage(message: string): string {
  return message.length <= 2 * messageCharacters
    ? message
    : `${message.slice(0, messageCharacters)}…${message.slice(-messageCharacters)}`;
}

const messageCharacters = 2_000;

/** The original error of a running statement may contain the value that is left out. */
function withoutCause(phase: 'bind' | 'run', error: unknown): unknown {
  return phase === 'bind' ? error : undefined;
}

function withoutRowValues(message: string, sql: string): string {
  return message
    .replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g, (quoted) =>
      sql.includes(quoted.slice(1, -1)) ? quoted : '…',
    )
    .replace(/(?<![A-Za-z0-9_])-?\d[\d.eE+]*/g, (number) => (sql.includes(number) ? number : '…'));
}

/** Reads DuckDB's `LINE 2: …` excerpt with a caret. Long lines are cut on both sides. */
function placeOfExcerpt(excerpt: string, sql: string, linesBefore: number): SqlPlace | null {
  const match = /^LINE (\d+): ([^\n]*)\n( *)\^/.exec(excerpt);
  if (match === null) return null;
  const [, number = '', shown = '', indent = ''] = match;
  const line = Number(number) - linesBefore;
  const source = sql.split('\n')[line - 1];
  if (source === undefined) return null;
  const cut = shown.startsWith('...');
  const start = cut ? source.indexOf(shown.slice(3).replace(/\.\.\.$/, '')) - 3 : 0;
  return { line, column: start + indent.length - `LINE ${number}: `.length + 1 };
}
