import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import Piscina from 'piscina';
import { failure } from '../../domain/failure';
import type { TimedResult } from '../time-limit';
import type { TaskInput, TaskName, TaskOutcome, TaskOutput } from './tasks';

export interface OffThreadOptions {
  /** Time from the call to the result, including the wait for a free thread. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Threads for work whose duration depends on the caller's input. The event loop stays free. */
export interface OffThread {
  /**
   * Runs a task of `tasks.ts`; input and result are copied between threads. `late` means that the
   * deadline passed or memory ran out; the thread was ended, even inside a regular expression.
   * @throws errors of the task; PlatformUnavailable when too many tasks wait
   */
  run<Name extends TaskName>(
    name: Name,
    input: TaskInput<Name>,
    options: OffThreadOptions,
  ): Promise<TimedResult<TaskOutput<Name>>>;
  close(): Promise<void>;
}

const maxThreads = Math.max(2, Math.min(4, availableParallelism()));
/** Most tasks that may wait for a thread. Each holds its input in memory. */
const maxWaiting = 256;
const memoryMebibytes = 512;

/**
 * The first task starts a thread, which stays. More threads start while tasks wait and end after a
 * minute without work. None keeps the process alive.
 */
export function openOffThread(): OffThread {
  let pool: Piscina | null = null;

  function threads(): Piscina {
    if (pool !== null) return pool;
    pool = new Piscina({
      filename: join(__dirname, 'tasks.ts'),
      execArgv: ['-r', require.resolve('tsx/cjs')],
      env: {},
      minThreads: 1,
      maxThreads: maxThreads,
      maxQueue: maxWaiting,
      idleTimeout: 60_000,
      resourceLimits: { maxOldGenerationSizeMb: memoryMebibytes },
    });
    // A thread can end while it is idle; the next task starts another.
    pool.on('error', () => undefined);
    return pool;
  }

  return {
    async run<Name extends TaskName>(
      name: Name,
      input: TaskInput<Name>,
      { deadlineMs, signal }: OffThreadOptions,
    ) {
      const deadline = AbortSignal.timeout(deadlineMs);
      try {
        const ends = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
        const outcome = (await threads().run({ name, input }, { signal: ends })) as TaskOutcome<
          TaskOutput<Name>
        >;
        if (outcome.kind === 'done') return outcome;
        const { type, message, issues, next } = outcome;
        throw failure(type, message, { issues, ...(next !== null && { next }) });
      } catch (error) {
        signal?.throwIfAborted();
        if (deadline.aborted || readCode(error) === 'ERR_WORKER_OUT_OF_MEMORY')
          return { kind: 'late' };
        if (error instanceof Error && error.message.startsWith('Task queue is at limit')) {
          throw failure(
            'PlatformUnavailable',
            `too many tasks: ${maxWaiting} already wait for a free thread; try again later`,
            { cause: error },
          );
        }
        throw error;
      }
    },
    async close() {
      await pool?.destroy();
    },
  };
}

function readCode(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
