import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import type { Column } from '../../domain/dataset';
import { failure } from '../../domain/failure';
import { residentBytes } from './resident-bytes';
import { sqlFailure, type SqlText } from './sql-errors';
import type { UserSqlAnswer, UserSqlRequest } from './user-sql-child';

export interface UserSqlRun extends SqlText {
  /** Parquet files behind each table name; all in the folder of `outputPath`. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
  /** Parquet. Its folder, private to this run, is all that the query can touch. */
  readonly outputPath: string;
  /** Rows are written in order of this column and then of all others, so that equal input gives equal bytes. */
  readonly orderBy?: string;
  readonly limits: { readonly memoryBytes: number; readonly seconds: number };
  readonly signal?: AbortSignal;
}

export interface UserSqlResult {
  readonly columns: readonly Column[];
  readonly rows: number;
}

/** More threads add up floating-point numbers in another order each time. */
const threads = 1;
/** Node and DuckDB's code, and what its accounting leaves out (strings in aggregates, lists, decompression). */
const duckDbShare = 0.6;
const watchEveryMs = 200;

/**
 * Runs one SELECT that a user wrote, in a process of its own that can hurt nobody: no environment, no network, no file outside one folder, bounded
 * memory and time, killed with its parent. Errors: SqlInvalid, SqlForbidden, SqlTimeout, SqlOutOfMemory; each names file and line.
 */
export async function runUserSql(run: UserSqlRun): Promise<UserSqlResult> {
  run.signal?.throwIfAborted();
  const directory = dirname(resolve(run.outputPath));
  for (const path of Object.values(run.tables).flat()) {
    if (!resolve(path).startsWith(directory + sep)) throw failure('InvalidInput', `${path} is not in the query's folder ${directory}`);
  }
  const partial = `${run.outputPath}.partial`;
  const spillDirectory = join(directory, '.spill');
  await mkdir(spillDirectory, { recursive: true, mode: 0o700 });
  try {
    const answer = await askChild(run, {
      sql: run.sql,
      file: run.file,
      tables: run.tables,
      directory,
      outputPath: partial,
      spillDirectory,
      orderBy: run.orderBy ?? null,
      memoryBytes: Math.floor(run.limits.memoryBytes * duckDbShare),
      threads,
    });
    switch (answer.kind) {
      case 'done':
        await rename(partial, run.outputPath);
        return { columns: answer.columns, rows: answer.rows };
      case 'refused':
        throw failure(answer.type, answer.message, { issues: answer.issues, ...(answer.next !== null && { next: answer.next }) });
      case 'broken':
        throw failure('DataUnreadable', `${run.file}: its sources could not be opened: ${answer.message}`);
    }
  } finally {
    await rm(partial, { force: true });
    await rm(spillDirectory, { recursive: true, force: true });
  }
}

/** Why we ended the child ourselves. */
type Killed = 'time' | 'memory' | 'aborted';

function askChild(run: UserSqlRun, request: UserSqlRequest): Promise<UserSqlAnswer> {
  const child = spawn(
    process.execPath,
    ['--max-old-space-size=128', '-r', require.resolve('tsx/cjs'), join(__dirname, 'user-sql-child.ts')],
    { cwd: request.directory, env: {}, stdio: 'pipe' },
  );
  return new Promise((fulfil, reject) => {
    let killed: Killed | null = null;
    const kill = (why: Killed): void => {
      killed ??= why;
      child.kill('SIGKILL');
    };
    const output = collect(child);
    const clock = setTimeout(() => kill('time'), run.limits.seconds * 1000);
    const watchdog = setInterval(() => {
      void residentBytes(child.pid).then((bytes) => {
        if (bytes > run.limits.memoryBytes) kill('memory');
      });
    }, watchEveryMs);
    const onAbort = (): void => kill('aborted');
    run.signal?.addEventListener('abort', onAbort, { once: true });
    const release = (): void => {
      clearTimeout(clock);
      clearInterval(watchdog);
      run.signal?.removeEventListener('abort', onAbort);
    };
    child.once('error', (error) => {
      release();
      reject(failure('BackendUnavailable', `the process for user SQL could not be started: ${error.message}`, { cause: error }));
    });
    child.once('close', (code, signal) => {
      release();
      const answer = killed === null ? output.answer() : null;
      if (answer !== null) fulfil(answer);
      else reject(run.signal?.aborted === true ? asError(run.signal.reason) : ended(run, killed, code, signal, output.errors()));
    });
    // The child may be gone before it has read; then 'close' says why.
    child.stdin.on('error', () => undefined);
    child.stdin.write(`${JSON.stringify(request)}\n`);
  });
}

function collect(child: ChildProcessWithoutNullStreams): { answer(): UserSqlAnswer | null; errors(): string } {
  let out = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors = (errors + chunk).slice(-4000)));
  return {
    answer: () => (out.endsWith('\n') ? (JSON.parse(out) as UserSqlAnswer) : null),
    errors: () => errors,
  };
}

function ended(run: UserSqlRun, killed: Killed | null, code: number | null, signal: string | null, errors: string): Error {
  const mebibytes = Math.round(run.limits.memoryBytes / 1024 / 1024);
  if (killed === 'time') {
    return sqlFailure('SqlTimeout', run, null, `did not end within ${run.limits.seconds} s`, {
      next: 'look for a join without a condition on both sides, or allow more time in the lifecycle',
    });
  }
  // Not ours: the kernel's out-of-memory killer, or an allocation that failed.
  const outOfMemory = killed === 'memory' || (killed === null && (signal === 'SIGKILL' || /bad_alloc|heap out of memory/i.test(errors)));
  if (outOfMemory) {
    return sqlFailure('SqlOutOfMemory', run, null, `the query needs more memory than it may have (${mebibytes} MiB)`, {
      next: 'aggregate or filter before joining, or select fewer columns',
    });
  }
  return sqlFailure('SqlInvalid', run, null, `the query ended its process (${signal ?? `exit ${code ?? '?'}`}) without an answer`, {
    cause: new Error(errors.trim()),
  });
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
