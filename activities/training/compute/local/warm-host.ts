import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { raceDeadline } from '../../../../data/timeout';
import type { PerennialError } from '../../../../domain/failure';
import { failure } from '../../../../domain/failure';
import { parseJson } from '../job-files.schema';
import { jobConfinementSchema, notConfined, type JobConfinement } from './confinement';
import { endProcessesOfHost, ownershipMarks } from './orphan-processes';
import type { TrackingOrder } from '../tracking';
import type { ProcessRef } from '../../../../data/process-identity';

export interface HostOrder {
  readonly attempt: number;
  /** The trainer's folder; null for a step. */
  readonly trainer: string | null;
  /** Interpreter of the job's own environment. */
  readonly python: string | null;
  readonly directory: string;
  readonly memoryBytes: number;
  readonly timeoutSeconds: number;
  /** Key of jobs that differ only in parameters; their rows are read once (runtime/zygote.py). */
  readonly siblings: string | null;
  /** User id of the job; null for this process's user. */
  readonly user: number | null;
  /** Access to the tracking API. */
  readonly tracking: TrackingOrder | null;
}

export interface WarmHost {
  readonly confinement: JobConfinement;
  /** Resolves when the job's process exists. Rejects when it could not be started. */
  run(order: HostOrder): Promise<void>;
  /** Releases the rows of these jobs; no more such jobs will come. */
  forget(siblings: string): void;
  /** Lets running jobs save their state, then ends them and the host. */
  close(): Promise<void>;
}

export interface HostSettings {
  readonly python: string;
  readonly pythonLlm: string;
  readonly runtimeDir: string;
  /** Folder with the Python package `perennial`, which steps import. */
  readonly packageDir: string;
  readonly stateDir: string;
  readonly owner: ProcessRef;
  readonly trainersDir: string;
  /** Folder of the Python environments. */
  readonly environments: string;
  /** Folders that are hidden from jobs. */
  readonly hidden: readonly string[];
  readonly confine: boolean;
  /** A job has reported an intermediate value, by which it may be pruned. */
  readonly onRung: (directory: string) => void;
  /** The process of a job has ended and exit.json is written. */
  readonly onEnded: (directory: string) => void;
  /** The host has ended, and all its jobs with it. */
  readonly onGone: () => void;
}

const readySchema = z.object({
  type: z.literal('ready'),
  threads: z.number(),
  confinement: jobConfinementSchema,
});
const jobEventSchema = z.object({
  type: z.enum(['started', 'rung', 'ended', 'refused']),
  directory: z.string(),
  attempt: z.number(),
  message: z.string().optional(),
});

/** Imports take one second, but on a busy machine they may need a minute. */
const startSeconds = 90;
const forkSeconds = 30;
const farewellSeconds = 8;

/** Starts the warm parent of jobs (trainers/runtime/host.py). It ends when its stdin closes. */
export async function startWarmHost(settings: HostSettings): Promise<WarmHost> {
  const mark = randomUUID();
  const { trainersDir: trainers, environments, hidden, confine } = settings;
  const child = spawn(
    settings.python,
    [
      join(settings.runtimeDir, 'host.py'),
      JSON.stringify({ trainers, environments, hidden, confine }),
    ],
    {
      cwd: settings.stateDir,
      stdio: ['pipe', 'pipe', 'pipe'],
      // Without the worker's own environment, which contains credentials.
      env: {
        PATH: [dirname(settings.python), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
        HOME: settings.stateDir,
        LANG: 'C.UTF-8',
        PYTHONHASHSEED: '0',
        PYTHONPATH: settings.packageDir,
        PYTHONUNBUFFERED: '1',
        // Python of trainers with `environment: llm` (trainers/runtime/run.py).
        PERENNIAL_PYTHON_LLM: settings.pythonLlm,
        // Without it, macOS ends a process that forks after loading certain frameworks.
        OBJC_DISABLE_INITIALIZE_FORK_SAFETY: 'YES',
        ...ownershipMarks(settings.stateDir, mark, settings.owner),
      },
    },
  );
  let complaints = '';
  child.stderr.on(
    'data',
    (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-8_000)),
  );
  child.stdin.on('error', () => undefined); // `close` reports the reason
  const starting = new Map<
    string,
    { readonly resolve: () => void; readonly reject: (error: PerennialError) => void }
  >();
  const gone = new Promise<PerennialError>((resolve) => {
    let spawnError: Error | undefined;
    child.on('error', (error) => (spawnError = error));
    child.on('close', (code, signal) =>
      resolve(unavailable(settings, spawnError, complaints, signal ?? `exit code ${code}`)),
    );
  });
  let confinement: JobConfinement = notConfined;
  const ready = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const begun = parseJson(readySchema, line);
      if (begun) {
        ({ confinement } = begun);
        resolve();
      }
      const event = parseJson(jobEventSchema, line);
      if (event?.type === 'started') starting.get(event.directory)?.resolve();
      if (event?.type === 'refused')
        starting
          .get(event.directory)
          ?.reject(failure('BackendUnavailable', event.message ?? 'refused'));
      if (event?.type === 'rung') settings.onRung(event.directory);
      if (event?.type === 'ended') settings.onEnded(event.directory);
    });
  });
  const started = await inTime(
    Promise.race([ready.then(() => null), gone]),
    startSeconds,
    `Python was not ready within ${startSeconds} s`,
  );
  if (started !== null) {
    child.kill('SIGKILL');
    throw started;
  }
  void gone.then((error) => {
    endProcessesOfHost(mark);
    for (const job of starting.values()) job.reject(error);
    settings.onGone();
  });
  return {
    confinement,
    async run(order) {
      const begun = new Promise<null>((resolve, reject) =>
        starting.set(order.directory, { resolve: () => resolve(null), reject }),
      );
      child.stdin.write(`${JSON.stringify({ type: 'run', ...order })}\n`);
      try {
        const stuck = await inTime(
          begun,
          forkSeconds,
          `the warm Python parent did not answer within ${forkSeconds} s`,
        );
        if (stuck === null) return;
        child.kill('SIGKILL');
        throw stuck;
      } finally {
        starting.delete(order.directory);
      }
    },
    forget(siblings) {
      child.stdin.write(`${JSON.stringify({ type: 'forget', siblings })}\n`);
    },
    async close() {
      child.stdin.end();
      if (
        (await inTime(
          gone.then(() => null),
          farewellSeconds,
          'still there',
        )) !== null
      )
        child.kill('SIGKILL');
      await gone;
    },
  };
}

function unavailable(
  settings: HostSettings,
  spawnError: Error | undefined,
  complaints: string,
  end: string,
): PerennialError {
  const requirements = join(dirname(settings.runtimeDir), 'requirements.lock');
  const install = `${settings.python} -m pip install --require-hashes -r ${requirements}`;
  if (spawnError) {
    return failure(
      'BackendUnavailable',
      `cannot start Python for trainers: ${settings.python} does not exist or does not run`,
      {
        cause: spawnError,
        next: 'npm start installs it; or set PERENNIAL_PYTHON to a Python with the packages',
      },
    );
  }
  const missing = /ModuleNotFoundError: No module named '([^']+)'/.exec(complaints)?.[1];
  if (missing)
    return failure(
      'BackendUnavailable',
      `the Python package ${missing} is not installed for ${settings.python}`,
      { next: install },
    );
  const lastLines = complaints.trim().split('\n').slice(-5).join('\n');
  return failure(
    'BackendUnavailable',
    `the warm Python parent of jobs ended (${end}): ${lastLines}`,
    { next: install },
  );
}

function inTime(
  work: Promise<PerennialError | null>,
  seconds: number,
  message: string,
): Promise<PerennialError | null> {
  return raceDeadline(seconds * 1000, work, () => failure('BackendUnavailable', message));
}
