import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { failure, type FailureType, type Issue } from '../../domain/failure';
import { residentBytes } from './resident-bytes';
import { sqlFailure, type SqlText } from './sql-errors';
import type { Column } from '../../domain/dataset/dataset';
import type { FeaturePlan, FeatureText } from './feature-compiler';

export interface SqlRequest {
  readonly task: SqlTask;
  /** The only folder that the database can access. */
  readonly directory: string;
  readonly spillDirectory: string;
  readonly memoryBytes: number;
  readonly threads: number;
}

export type SqlTask =
  | {
      readonly kind: 'query';
      readonly text: SqlText;
      readonly tables: Readonly<Record<string, readonly string[]>>;
      readonly outputPath: string;
      readonly orderBy: string | null;
    }
  | {
      readonly kind: 'features';
      readonly plan: FeaturePlan;
      readonly carried: readonly string[];
      readonly tables: readonly { readonly requestRows: string; readonly features: string }[];
    };

export interface SqlResult {
  readonly kind: 'done';
  readonly columns: readonly Column[];
  readonly rows: number;
}

/** Tasks on a text alone. */
export type SqlCheck =
  /** `tables` is null when the sources are unknown; then any table name is accepted. */
  | {
      readonly kind: 'checkAssembly';
      readonly text: SqlText;
      readonly tables: readonly string[] | null;
    }
  | {
      readonly kind: 'bindAssembly';
      readonly text: SqlText;
      readonly tables: Readonly<Record<string, readonly Column[]>>;
    }
  | {
      readonly kind: 'checkFeatures';
      readonly text: SqlText;
      readonly withheld: Readonly<Record<string, string>>;
    }
  | ({ readonly kind: 'compileFeatures' } & FeatureText);

export interface SqlCheckResults {
  readonly checkAssembly: null;
  /** The columns that the query returns. */
  readonly bindAssembly: readonly Column[];
  readonly checkFeatures: null;
  readonly compileFeatures: FeaturePlan;
}

export interface SqlCheckRequest {
  readonly check: SqlCheck;
  readonly memoryBytes: number;
}

export type SqlCheckAnswer =
  { readonly kind: 'checked'; readonly result: SqlCheckResults[SqlCheck['kind']] } | SqlRefusal;

export type SqlAnswer = SqlResult | SqlRefusal;

export type SqlRefusal =
  | {
      readonly kind: 'refused';
      readonly type: FailureType;
      readonly message: string;
      readonly issues: readonly Issue[];
      readonly next: string | null;
    }
  | { readonly kind: 'broken'; readonly message: string };

export interface SqlProcessRun {
  readonly task: SqlTask;
  /** SQL that errors refer to. */
  readonly text: SqlText;
  /** Private to this run; the only files that the database can access. */
  readonly directory: string;
  /** Limits of the whole process. */
  readonly limits: SqlLimits;
  readonly signal?: AbortSignal | undefined;
}

export interface SqlLimits {
  readonly memoryBytes: number;
  readonly seconds: number;
}

/** More threads would sum floating-point numbers in another order each time. */
const threads = 1;
/**
 * Share of the memory for DuckDB. The rest is for Node, DuckDB's code and memory that DuckDB does
 * not count (strings in aggregates, lists, decompression).
 */
export const duckDbMemoryShare = 0.6;
export const watchIntervalMs = 200;

/**
 * Runs one task in its own process: no environment, no network, one folder, limited memory and
 * time. It is killed with its parent.
 */
export async function runInSqlProcess(run: SqlProcessRun): Promise<SqlResult> {
  run.signal?.throwIfAborted();
  const spillDirectory = join(run.directory, '.spill');
  await mkdir(spillDirectory, { recursive: true, mode: 0o700 });
  try {
    const answer = await askChild(run, {
      task: run.task,
      directory: run.directory,
      spillDirectory,
      memoryBytes: Math.floor(run.limits.memoryBytes * duckDbMemoryShare),
      threads,
    });
    switch (answer.kind) {
      case 'done':
        return answer;
      case 'refused':
        throw failure(answer.type, answer.message, {
          issues: answer.issues,
          ...(answer.next !== null && { next: answer.next }),
        });
      case 'broken':
        throw failure(
          'DataUnreadable',
          `${run.text.file}: cannot open its tables: ${answer.message}`,
        );
    }
  } finally {
    await rm(spillDirectory, { recursive: true, force: true });
  }
}

export function assertInsideFolder(directory: string, paths: readonly string[]): void {
  for (const path of paths) {
    if (!resolve(path).startsWith(directory + sep))
      throw failure('InvalidInput', `${path} is not in the folder ${directory} of the query`);
  }
}

/** Starts the child without an environment. It ends when this process closes its input. */
export function startSqlProcess(
  directory: string,
  args: readonly string[] = [],
): ChildProcessWithoutNullStreams {
  return spawn(
    process.execPath,
    [
      '--max-old-space-size=128',
      '-r',
      join(__dirname, '..', '..', 'bin', 'load-sources.cjs'),
      join(__dirname, 'user-sql-child.ts'),
      ...args,
    ],
    { cwd: directory, env: {}, stdio: 'pipe' },
  );
}

/** Why this process killed the child. */
type Killed = 'time' | 'memory' | 'aborted';

function askChild(run: SqlProcessRun, request: SqlRequest): Promise<SqlAnswer> {
  const child = startSqlProcess(request.directory);
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
    }, watchIntervalMs);
    const onAbort = (): void => kill('aborted');
    run.signal?.addEventListener('abort', onAbort, { once: true });
    const release = (): void => {
      clearTimeout(clock);
      clearInterval(watchdog);
      run.signal?.removeEventListener('abort', onAbort);
    };
    child.once('error', (error) => {
      release();
      reject(
        failure('BackendUnavailable', `cannot start the process for user SQL: ${error.message}`, {
          cause: error,
        }),
      );
    });
    child.once('close', (code, signal) => {
      release();
      const answer = killed === null ? output.answer() : null;
      if (answer !== null) fulfil(answer);
      else
        reject(
          run.signal?.aborted === true
            ? asError(run.signal.reason)
            : toEnd(run, killed, code, signal, output.errors()),
        );
    });
    // The child may end before it has read its input; 'close' reports why.
    child.stdin.on('error', () => undefined);
    child.stdin.write(`${JSON.stringify(request)}\n`);
  });
}

function collect(child: ChildProcessWithoutNullStreams): {
  answer(): SqlAnswer | null;
  errors(): string;
} {
  let out = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  child.stderr
    .setEncoding('utf8')
    .on('data', (chunk: string) => (errors = (errors + chunk).slice(-4000)));
  return {
    answer: () => (out.endsWith('\n') ? (JSON.parse(out) as SqlAnswer) : null),
    errors: () => errors,
  };
}

function toEnd(
  run: SqlProcessRun,
  killed: Killed | null,
  code: number | null,
  signal: string | null,
  errors: string,
): Error {
  const mebibytes = Math.round(run.limits.memoryBytes / 1024 / 1024);
  if (killed === 'time') {
    return sqlFailure('SqlTimeout', run.text, null, `did not end within ${run.limits.seconds} s`, {
      next: 'check for a join without a condition on both sides, or raise spec.data.limits.timeout',
    });
  }
  // Not killed by this process: the kernel's out-of-memory killer, or a failed allocation.
  const outOfMemory =
    killed === 'memory' ||
    (killed === null && (signal === 'SIGKILL' || /bad_alloc|heap out of memory/i.test(errors)));
  if (outOfMemory) {
    return sqlFailure(
      'SqlOutOfMemory',
      run.text,
      null,
      `the query exceeds its memory limit of ${mebibytes} MiB`,
      {
        next: 'aggregate or filter before joining, or select fewer columns',
      },
    );
  }
  return sqlFailure(
    'SqlInvalid',
    run.text,
    null,
    `the process of the query ended (${signal ?? `exit ${code ?? '?'}`}) without an answer`,
    {
      cause: new Error(errors.trim()),
    },
  );
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
