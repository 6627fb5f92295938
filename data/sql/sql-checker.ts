import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { failure } from '../../domain/failure';
import { residentBytes } from './resident-bytes';
import { sqlFailure } from './sql-errors';
import {
  duckDbMemoryShare,
  type SqlCheck,
  type SqlCheckAnswer,
  type SqlCheckRequest,
  type SqlCheckResults,
  startSqlProcess,
  watchIntervalMs,
} from './sql-process';

/** A process that runs one check at a time. */
interface Checker {
  /** The answer, or why the process ended without one. */
  ask(request: SqlCheckRequest): Promise<SqlCheckAnswer | Ended>;
  hasEnded(): boolean;
}

interface Ended {
  readonly kind: 'ended';
  readonly by: 'time' | 'memory' | 'itself';
}

const limits = { seconds: 10, startSeconds: 60, memoryBytes: 512 * 1024 * 1024 } as const;
/** Two processes, so that one hard text does not delay all others. */
const maxCheckers = 2;
const maxWaiting = 64;

/** Shared by all callers: a process needs half a second to start and ends itself when idle. */
const idle: Checker[] = [];
const waiting: (() => void)[] = [];
let free = maxCheckers;

/**
 * Parses or compiles SQL of a user, without data, in a process with limits of ten seconds and
 * 512 MiB. It blocks neither the event loop nor the memory of this process.
 * @throws SqlInvalid, SqlForbidden, SqlTimeout, SqlOutOfMemory; PlatformUnavailable when too many
 *   texts wait
 */
export async function checkInSqlProcess<Check extends SqlCheck>(
  check: Check,
): Promise<SqlCheckResults[Check['kind']]> {
  const { text } = check;
  const answer = await inTurn(() =>
    ask({ check, memoryBytes: Math.floor(limits.memoryBytes * duckDbMemoryShare) }),
  );
  switch (answer.kind) {
    case 'checked':
      return answer.result as SqlCheckResults[Check['kind']];
    case 'refused':
      throw failure(answer.type, answer.message, {
        issues: answer.issues,
        ...(answer.next !== null && { next: answer.next }),
      });
    case 'broken':
      throw sqlFailure('SqlInvalid', text, null, `could not be checked: ${answer.message}`);
    case 'ended': {
      const next =
        'simplify the query: fewer nested expressions, and no alias that is used many times';
      if (answer.by === 'time')
        throw sqlFailure(
          'SqlTimeout',
          text,
          null,
          `could not be checked within ${limits.seconds} s`,
          { next },
        );
      if (answer.by === 'itself')
        throw sqlFailure('SqlInvalid', text, null, 'crashed the process that checked it', { next });
      throw sqlFailure(
        'SqlOutOfMemory',
        text,
        null,
        `needs more than ${limits.memoryBytes / 2 ** 20} MiB to be checked`,
        { next },
      );
    }
  }
}

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (free > 0) free -= 1;
  else if (waiting.length < maxWaiting) await new Promise<void>((turn) => waiting.push(turn));
  else
    throw failure(
      'PlatformUnavailable',
      `too many SQL texts: ${maxWaiting} already wait for a check; try again later`,
    );
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  }
}

async function ask(request: SqlCheckRequest): Promise<SqlCheckAnswer | Ended> {
  for (let known = idle.pop(); known !== undefined; known = idle.pop()) {
    const answer = await askChecker(known, request);
    // An idle process may have been about to end; another one checks the text.
    if (answer.kind !== 'ended' || answer.by !== 'itself') return answer;
  }
  return askChecker(await startChecker(), request);
}

async function askChecker(
  checker: Checker,
  request: SqlCheckRequest,
): Promise<SqlCheckAnswer | Ended> {
  const answer = await checker.ask(request);
  if (!checker.hasEnded()) idle.push(checker);
  return answer;
}

async function startChecker(): Promise<Checker> {
  const child = startSqlProcess(tmpdir(), ['checks']);
  let errors = '';
  let ended = false;
  child.stderr
    .setEncoding('utf8')
    .on('data', (chunk: string) => (errors = (errors + chunk).slice(-4_000)));
  child.once('close', () => (ended = true));
  // The process may end before it has read its input; 'close' reports that.
  child.stdin.on('error', () => undefined);
  const lines = openLines(child);
  const ready = await nextLine(child, limits.startSeconds, lines);
  if (typeof ready !== 'string') {
    throw failure(
      'BackendUnavailable',
      `cannot start the process for user SQL: ${errors.trim() || ready.by}`,
    );
  }
  setReferenced(child, false);
  return {
    hasEnded: () => ended,
    async ask(request) {
      if (ended) return { kind: 'ended', by: 'itself' };
      setReferenced(child, true);
      try {
        child.stdin.write(`${JSON.stringify(request)}\n`);
        const line = await nextLine(child, limits.seconds, lines);
        return typeof line === 'string' ? (JSON.parse(line) as SqlCheckAnswer) : line;
      } finally {
        setReferenced(child, false);
      }
    },
  };
}

type NextLine = (take: (line: string) => void) => void;

/** Each call returns the next line that the child writes. */
function openLines(child: ChildProcessWithoutNullStreams): NextLine {
  let text = '';
  let take: ((line: string) => void) | null = null;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (!chunk.includes('\n')) return;
    const line = text.slice(0, text.indexOf('\n'));
    text = text.slice(line.length + 1);
    take?.(line);
  });
  return (next) => (take = next);
}

/** The child's next line. A child that exceeds its time or memory is killed. */
function nextLine(
  child: ChildProcessWithoutNullStreams,
  seconds: number,
  lines: NextLine,
): Promise<string | Ended> {
  return new Promise((fulfil) => {
    let by: Ended['by'] = 'itself';
    const kill = (why: Ended['by']): void => {
      by = why;
      child.kill('SIGKILL');
    };
    const clock = setTimeout(() => kill('time'), seconds * 1000);
    const watchdog = setInterval(() => {
      void residentBytes(child.pid).then((bytes) => {
        if (bytes > limits.memoryBytes) kill('memory');
      });
    }, watchIntervalMs);
    const settle = (outcome: string | Ended): void => {
      clearTimeout(clock);
      clearInterval(watchdog);
      child.off('close', onClose);
      child.off('error', onClose);
      fulfil(outcome);
    };
    const onClose = (): void => settle({ kind: 'ended', by });
    child.once('close', onClose);
    child.once('error', onClose);
    lines(settle);
  });
}

/** An idle child does not keep this process alive, and ends with it. */
function setReferenced(child: ChildProcessWithoutNullStreams, referenced: boolean): void {
  const change = referenced ? 'ref' : 'unref';
  child[change]();
  for (const stream of [child.stdin, child.stdout, child.stderr])
    (stream as unknown as Socket)[change]();
}
