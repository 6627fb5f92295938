import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { failure, type PerennialError } from '../../domain/failure';

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Explanation {
  readonly reason: string;
  readonly next: string;
}

/** Patterns of common causes in the logs of the three servers. The first match is used. */
const causes: readonly {
  readonly pattern: RegExp;
  readonly reason: string;
  readonly next: string;
}[] = [
  {
    pattern:
      /address already in use|could not bind .*: Address|can't set up .*port .*in use|port (\d+) is (already )?(in use|not available)/i,
    reason: 'its port is in use by another program',
    next: 'End that program, or delete .perennial/run/ports.json to choose new ports, and start again',
  },
  {
    pattern: /no space left on device|disk (is )?full|SQLITE_FULL|ENOSPC|not enough (free )?space/i,
    reason: 'the disk is full',
    next: 'Free disk space for .perennial/state and start again; stored data is not lost',
  },
  {
    pattern: /read-only file system|EROFS/i,
    reason: 'the disk is mounted read-only',
    next: 'Set PERENNIAL_STATE_DIR to a writable folder',
  },
  {
    pattern: /permission denied|EACCES|operation not permitted/i,
    reason: 'it has no permission to use one of its files',
    next: 'Check the owner of .perennial/state, especially after a start as another user',
  },
  {
    pattern:
      /is not a valid data directory|could not (locate a valid|read) checkpoint|invalid (primary )?checkpoint|could not find (redo location|the database system)|could not open file "(base|global|pg_\w+)\/|could not open directory "pg_|WAL directory .* does not exist|incorrect (resource manager data )?checksum|invalid page in block/i,
    reason: 'files of its data folder are missing or damaged',
    next: 'Restore .perennial/state from a backup, or start over with `npx perennial up --fresh`, which removes all runs, models and data',
  },
  {
    pattern: /database files are incompatible with server/i,
    reason: 'its data was written by another major version of PostgreSQL',
    next: 'Set PERENNIAL_POSTGRES_BIN to the matching program folder, or start over with `npx perennial up --fresh`',
  },
  {
    pattern: /database disk image is malformed|file is not a database/i,
    reason: 'its database file is damaged',
    next: 'Restore .perennial/state from a backup, or start over with `npx perennial up --fresh`',
  },
  {
    pattern: /error while loading shared libraries: (\S+)/i,
    reason: 'a library that it needs is not installed',
    next: 'Set PERENNIAL_POSTGRES_BIN, PERENNIAL_TEMPORAL_BIN or PERENNIAL_WEED_BIN to your own program',
  },
  {
    pattern: /could not look up effective user ID/i,
    reason: 'PostgreSQL does not run as a user without a name',
    next: 'Start as a user that is in /etc/passwd, or set PERENNIAL_DATABASE_URL to a database',
  },
  {
    pattern: /could not (create|map|resize) shared memory|shared memory segment/i,
    reason: 'the system provides too little shared memory',
    next: 'Give /dev/shm at least 64 MB (docker run --shm-size=128m) and start again',
  },
];

/** The likely cause in a log file, with its line; null when there is none. */
export function explainLog(logFile: string): Explanation | null {
  const lines = readLines(logFile);
  const advised = lines.flatMap((line) => findAdvice(line) ?? []).at(-1);
  if (advised !== undefined) return { ...advised, next: `${advised.next}. Its log is ${logFile}` };
  for (const { pattern, reason, next } of causes) {
    const line = lines.findLast((candidate) => pattern.test(candidate));
    if (line !== undefined)
      return {
        reason: `${reason} (${shorten(line)})`,
        next: `${placeLogFile(next, logFile)}. Its log is ${logFile}`,
      };
  }
  const line = lines.findLast((candidate) =>
    /fatal|error|panic|denied|cannot|could not|failed/i.test(candidate),
  );
  return line === undefined ? null : { reason: shorten(line), next: `Its log is ${logFile}` };
}

/** Logs are in the folder `log` of the state folder, whatever its name. */
function placeLogFile(next: string, logFile: string): string {
  return next.replace('.perennial', dirname(dirname(logFile)));
}

/** A signal comes from outside, so the log does not explain it. */
export function explainEnd({ code, signal }: ProcessEnd, logFile: string): Explanation {
  const next = `Its log is ${logFile}`;
  if (signal !== null) return { reason: `it was ended by ${signal}`, next };
  const last = readLines(logFile).at(-1);
  return (
    explainLog(logFile) ?? {
      reason: `it ended with code ${code ?? 'unknown'}${last === undefined ? '' : ` (${shorten(last)})`}`,
      next,
    }
  );
}

function readLines(logFile: string): readonly string[] {
  try {
    return readFileSync(logFile, 'utf8')
      .slice(-65_536)
      .split('\n')
      .filter((line) => line.trim() !== '');
  } catch {
    return [];
  }
}

export function describeSpawnError(
  name: string,
  command: string,
  error: NodeJS.ErrnoException,
): PerennialError {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: `the program ${command} does not exist`,
    EACCES: `${command} is not executable`,
    EPERM: `${command} cannot be executed as the required user`,
    ENOEXEC: `${command} is not a program for this machine`,
    ETXTBSY: `${command} is being written by another process`,
  };
  return failure(
    'PlatformUnavailable',
    `${name} could not be started: ${reasons[error.code ?? ''] ?? error.message}`,
    {
      cause: error,
      next: 'Run `node bin/provision.mjs` to download the pinned programs again',
    },
  );
}

interface OwnLine {
  readonly level?: string;
  readonly msg?: string;
  readonly err?: { readonly message?: string; readonly next?: string };
}

/** A fatal log line of a Perennial process has its own next step and is not shortened. */
function findAdvice(line: string): Explanation | null {
  const { level, err } = ownLine(line) ?? {};
  return level === 'fatal' && err?.message !== undefined && err.next !== undefined
    ? { reason: err.message, next: err.next }
    : null;
}

/** Perennial's processes log JSON; the message is in it. */
function readText(line: string): string {
  const own = ownLine(line);
  return own?.err?.message ?? own?.msg ?? line.trim();
}

function ownLine(line: string): OwnLine | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line) as OwnLine;
  } catch {
    return null;
  }
}

function shorten(line: string): string {
  const text = readText(line);
  return text.length > 240 ? `${text.slice(0, 237)}…` : text;
}
