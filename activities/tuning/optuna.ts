import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { raceDeadline } from '../../data/timeout';
import type { PerennialError } from '../../domain/failure';
import { failure } from '../../domain/failure';
import type { TuneSpec } from '../../domain/tuning/tune-spec';
import type { PruningSchedule } from '../../domain/tuning/pruning';
import type { SamplerState, Trial, TrialParams } from '../../domain/tuning/tuning';
import { parseJson } from '../training/compute/job-files.schema';

/** A study with its recorded trials, and the number of the trial in question. */
export interface StudyQuestion {
  /** Identifies the study. */
  readonly key: string;
  readonly study: Pick<TuneSpec, 'seed' | 'sampler' | 'space'> & {
    readonly name: string;
    /** Direction of each objective. */
    readonly directions: readonly TuneSpec['direction'][];
    readonly pruning: PruningSchedule | null;
  };
  readonly trials: readonly RecordedTrial[];
  readonly number: number;
  /** Complete trials of another study, from which the sampler learns. */
  readonly earlier?: readonly RecordedTrial[];
}

type RecordedTrial = Pick<
  Trial,
  'number' | 'status' | 'params' | 'value' | 'values' | 'intermediate' | 'samplerState'
>;

export interface SuggestedTrial {
  readonly params: TrialParams;
  readonly samplerState: SamplerState;
}

/** Stateless: equal questions have equal answers. */
export interface Optuna {
  suggest(question: StudyQuestion): Promise<SuggestedTrial>;
  shouldPrune(question: StudyQuestion): Promise<boolean>;
  close(): Promise<void>;
}

const answerSchema = z.object({
  id: z.number(),
  answer: z.unknown(),
  error: z.string().optional(),
  again: z.boolean().optional(),
});
const suggestedSchema = z.object({
  params: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  samplerState: z.record(z.string(), z.unknown()),
});

/** Imports take a third of a second, but on a busy machine they may need a minute. */
const startSeconds = 60;
/** 1,000 trials take 0.1 s. */
const answerSeconds = 60;
const farewellSeconds = 5;

/**
 * Runs optuna in a separate Python process (trainers/tuner/service.py). It starts with the first
 * question, restarts after a failure, and ends when its stdin closes.
 * @throws BackendUnavailable when the process cannot start or does not answer.
 */
export function createOptuna({
  python,
  trainersDir,
}: {
  readonly python: string;
  readonly trainersDir: string;
}): Optuna {
  let running: Promise<OptunaService> | null = null;
  let closed = false;

  async function ask(what: 'suggest' | 'prune', question: StudyQuestion): Promise<unknown> {
    if (closed) throw failure('BackendUnavailable', 'this worker is stopping');
    running ??= startService(python, trainersDir, () => (running = null));
    const service = await running.catch((error: unknown) => {
      running = null;
      throw error;
    });
    return service.ask(what, question);
  }

  return {
    async suggest(question) {
      const suggested = suggestedSchema.safeParse(await ask('suggest', question));
      if (!suggested.success)
        throw failure(
          'BackendUnavailable',
          'optuna suggested parameters that are not names with simple values',
        );
      return suggested.data;
    },
    shouldPrune: async (question) => (await ask('prune', question)) === true,
    async close() {
      closed = true;
      const service = await running?.catch(() => null);
      await service?.close();
    },
  };
}

interface OptunaService {
  ask(what: string, question: StudyQuestion): Promise<unknown>;
  close(): Promise<void>;
}

async function startService(
  python: string,
  trainersDir: string,
  onGone: () => void,
): Promise<OptunaService> {
  const child = spawn(python, [join(trainersDir, 'tuner', 'service.py')], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Without the worker's own environment, which contains credentials.
    env: {
      PATH: [dirname(python), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
      LANG: 'C.UTF-8',
      PYTHONHASHSEED: '0',
      OMP_NUM_THREADS: '1',
    },
  });
  const open = new Map<
    number,
    {
      readonly resolve: (answer: unknown) => void;
      readonly reject: (error: PerennialError) => void;
    }
  >();
  let complaints = '';
  let asked = 0;
  const news = trialsSentOnce();
  child.stderr.on(
    'data',
    (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-4_000)),
  );
  child.stdin.on('error', () => undefined); // `close` reports the reason
  let spawnError: Error | undefined;
  child.on('error', (error) => (spawnError = error));
  const gone = new Promise<PerennialError>((resolve) =>
    child.on('close', (code, signal) => resolve(unavailable(signal ?? `exit code ${code}`))),
  );
  const ready = new Promise<null>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.includes('"ready"')) resolve(null);
      const message = parseJson(answerSchema, line);
      if (message === null) return;
      const waiting = open.get(message.id);
      open.delete(message.id);
      // Not retryable: optuna rejects the question itself, such as a contradictory space.
      if (message.error === undefined) waiting?.resolve(message.answer);
      else if (message.again)
        waiting?.reject(failure('BackendUnavailable', `optuna: ${message.error}`));
      else waiting?.reject(failure('InvalidInput', `optuna: ${message.error}`));
    });
  });
  void gone.then((error) => {
    onGone();
    for (const waiting of open.values()) waiting.reject(error);
  });

  const late = await inTime(startSeconds, Promise.race([ready, gone]));
  if (late !== null) {
    child.kill('SIGKILL');
    throw late;
  }
  return {
    async ask(what, question) {
      asked += 1;
      const id = asked;
      const answer = new Promise<unknown>((resolve, reject) => open.set(id, { resolve, reject }));
      answer.catch(() => news.forget(question.key));
      child.stdin.write(`${JSON.stringify({ id, ask: what, ...news.of(question) })}\n`);
      const result = await inTime(
        answerSeconds,
        answer.then((value) => ({ value })),
      );
      if ('value' in result) return result.value;
      child.kill('SIGKILL');
      throw result;
    },
    async close() {
      child.stdin.end();
      if (
        (await inTime(
          farewellSeconds,
          gone.then(() => null),
        )) !== null
      )
        child.kill('SIGKILL');
      await gone;
    },
  };

  function unavailable(end: string): PerennialError {
    const requirements = join(trainersDir, 'requirements.lock');
    const next = `${python} -m pip install --require-hashes -r ${requirements}`;
    const missing = /ModuleNotFoundError: No module named '([^']+)'/.exec(complaints)?.[1];
    if (spawnError)
      return failure(
        'BackendUnavailable',
        `cannot start Python for tuning: ${python} does not exist or does not run`,
        { cause: spawnError, next },
      );
    if (missing !== undefined)
      return failure(
        'BackendUnavailable',
        `the Python package ${missing} is not installed for ${python}`,
        { next },
      );
    return failure(
      'BackendUnavailable',
      `optuna's process ended (${end}): ${complaints.trim().split('\n').slice(-3).join('\n')}`,
      {
        next,
      },
    );
  }

  function inTime<T>(seconds: number, answer: Promise<T>): Promise<T | PerennialError> {
    return raceDeadline(seconds * 1000, answer, () =>
      failure('BackendUnavailable', `optuna did not answer within ${seconds} s`),
    );
  }
}

/** Studies that the process remembers, which is fewer than service.py keeps. */
const maxStudies = 8;

/**
 * The process keeps the ended trials before the first running one, which never change. A question
 * has the trials after them, and `known`, the number of those that were sent before.
 */
function trialsSentOnce(): {
  of(question: StudyQuestion): StudyQuestion & { readonly known: number };
  /** Sends all trials again: after an error, the process may not have kept them. */
  forget(key: string): void;
} {
  const sent = new Map<string, number>();
  return {
    of(question) {
      const { key, trials } = question;
      const open = trials.findIndex(({ status }) => status === 'running');
      const ended = open === -1 ? trials.length : open;
      const known = Math.min(sent.get(key) ?? 0, ended);
      sent.delete(key);
      sent.set(key, ended);
      const [oldest] = sent.keys();
      if (sent.size > maxStudies && oldest !== undefined) sent.delete(oldest);
      const earlier = question.earlier?.map(withoutState);
      const of = { ...question, trials: trials.slice(known).map(recordTrial), known };
      return earlier === undefined ? of : { ...of, earlier };
    },
    forget: (key) => void sent.delete(key),
  };
}

function recordTrial(trial: RecordedTrial): RecordedTrial {
  const { number, status, params, value, values, intermediate, samplerState } = trial;
  return { number, status, params, value, values, intermediate, samplerState };
}

/** The state of a sampler belongs to its own study. */
function withoutState(trial: RecordedTrial): RecordedTrial {
  return { ...recordTrial(trial), samplerState: {} };
}
