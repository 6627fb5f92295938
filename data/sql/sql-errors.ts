import { failure, type FailureType, type PerennialError } from '../../domain/failure';

/** SQL as its author knows it. */
export interface SqlText {
  readonly sql: string;
  /** As the lifecycle names it, `sql/assemble.sql`. */
  readonly file: string;
}

export interface SqlPlace {
  readonly line: number;
  readonly column: number;
}

/** A mistake in SQL, with its place in the message and in the issue. */
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
    next: extra.next ?? 'mend it, then perennial lifecycle apply <folder>',
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

/** DuckDB counts bytes of UTF-8 from 0; people count characters and lines from 1. */
export function placeOfByte(sql: string, byteOffset: number): SqlPlace {
  const before = Buffer.from(sql, 'utf8').subarray(0, byteOffset).toString('utf8');
  const lines = before.split('\n');
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

/**
 * DuckDB's error as ours. What it says of the running statement may quote a value out of a row, so
 * with `phase: 'run'` everything quoted that is not part of the SQL itself is left out (I11).
 * `linesBefore`: how many lines of ours DuckDB saw in front of the text; null when it saw another
 * text.
 */
export function fromDuckDb(
  error: unknown,
  text: SqlText,
  phase: 'bind' | 'run',
  { linesBefore }: { readonly linesBefore: number | null } = { linesBefore: 0 },
): PerennialError {
  // Not `instanceof`: errors of native code belong to another realm than tests do.
  const message = shortened(
    String((error as { readonly message?: unknown } | null)?.message ?? error),
  );
  const [head = '', ...rest] = message.split(/\n+LINE /);
  const place =
    rest.length === 0 || linesBefore === null
      ? null
      : placeOfExcerpt(`LINE ${rest.join('\nLINE ')}`, text.sql, linesBefore);
  const said =
    phase === 'bind'
      ? head.trim().replace(/\s*\n\s*/g, ' ')
      : withoutRowValues((head.split('\n')[0] ?? '').trim(), text.sql);
  const [, kind = '', body = said] = /^([A-Z][A-Za-z ]*) Error: ([^]*)$/.exec(said) ?? [];
  if (kind === 'Out of Memory') {
    return sqlFailure(
      'SqlOutOfMemory',
      text,
      place,
      `the query needs more memory than it may have (${body})`,
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
 * A message may quote a value of any length, over which the patterns below would take quadratic
 * time. Its head says what is wrong, its end where.
 */
function shortened(message: string): string {
  return message.length <= 2 * messageCharacters
    ? message
    : `${message.slice(0, messageCharacters)}…${message.slice(-messageCharacters)}`;
}

const messageCharacters = 2_000;

/** The original error of a running statement holds the value that we leave out. */
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

/** `LINE 2: …some of the line…` and a caret under the place. Long lines are cut on both sides. */
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
