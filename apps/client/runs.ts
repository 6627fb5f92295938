/** Runs as programs use them: start, follow and wait. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseDuration } from '../../domain/duration';
import { isFinal } from '../../domain/run/run';
import { ApiError } from './api-error';
import type { ApiClient } from './api-client';
import type { AnswerOf, BodyOf } from './operation';
import { runEvents, type RunEventMessage, type RunEventOptions } from './run-events';

export type StartedRun = AnswerOf<'POST /lifecycles/{name}/runs'>;
/** A run with its stages. */
export type FoundRun = AnswerOf<'GET /runs/{id}'>;

export type RunStart = BodyOf<'POST /lifecycles/{name}/runs'> & {
  /** Starting twice with the same key makes one run. Default: a new key for each call. */
  readonly idempotencyKey?: string;
};

export interface RunWait {
  /** A duration, such as `90s`, `10m` or `6h`. Default: waits until the run ends. */
  readonly timeout?: string;
  /** Ends the wait; the run continues. */
  readonly signal?: AbortSignal;
  /** Called for each event of the run, in order and once. */
  readonly onEvent?: (event: RunEventMessage) => void;
}

export interface RunsClient {
  start(lifecycle: string, options?: RunStart): Promise<StartedRun>;
  get(id: string): Promise<FoundRun>;
  /** Each event in order and once, until the run ends. Reconnects when the connection is lost. */
  events(id: string, options?: RunEventOptions): AsyncIterable<RunEventMessage>;
  /**
   * The run after its end. A failed, stopped or cancelled run is returned, not thrown.
   * @throws ApiError with the code `WaitTimeout` when the run has not ended in time
   */
  wait(id: string, options?: RunWait): Promise<FoundRun>;
  cancel(id: string, reason?: string): Promise<AnswerOf<'POST /runs/{id}/cancel'>>;
}

export function openRuns(api: ApiClient): RunsClient {
  const get = (id: string, signal?: AbortSignal): Promise<FoundRun> =>
    api.call('GET /runs/{id}', { path: { id }, signal });
  return {
    get: (id) => get(id),
    events: (id, options) => runEvents(api.target, id, options),
    start: (lifecycle, { idempotencyKey = randomUUID(), ...body } = {}) =>
      api.call('POST /lifecycles/{name}/runs', {
        path: { name: lifecycle },
        headers: { 'idempotency-key': idempotencyKey },
        body,
      }),
    cancel: (id, reason) =>
      api.call('POST /runs/{id}/cancel', {
        path: { id },
        body: reason === undefined ? {} : { reason },
      }),
    async wait(id, { timeout, signal, onEvent = () => undefined } = {}) {
      const limit = timeout === undefined ? null : AbortSignal.timeout(parseMilliseconds(timeout));
      const either = AbortSignal.any([signal, limit].filter((each) => each != null));
      try {
        for await (const event of runEvents(api.target, id, { signal: either })) onEvent(event);
        return await endedRun((ending) => get(id, ending), either);
      } catch (error) {
        signal?.throwIfAborted();
        if (!limit?.aborted) throw error;
        throw new ApiError(`${id} has not ended within ${timeout}; the run continues`, {
          code: 'WaitTimeout',
          next: `wait again, or perennial run watch ${id}`,
        });
      }
    },
  };
}

const retries = 5;

/** The API may restart between the last event and this request. */
async function endedRun(
  get: (signal: AbortSignal) => Promise<FoundRun>,
  signal: AbortSignal,
): Promise<FoundRun> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const run = await get(signal);
      if (isFinal(run.status)) return run;
      if (attempt > retries)
        throw new ApiError(`the events of ${run.id} have ended, but the run is ${run.status}`, {
          code: 'Conflict',
          next: `perennial run show ${run.id}`,
        });
    } catch (error) {
      signal.throwIfAborted();
      const isRefused = error instanceof ApiError && (error.status ?? 500) < 500;
      if (isRefused || attempt > retries) throw error;
    }
    await pause(attempt * 500, undefined, { signal });
  }
}

/** The longest time of a timer. */
const maxMilliseconds = 2 ** 31 - 1;

function parseMilliseconds(timeout: string): number {
  const duration = parseDuration(timeout);
  const milliseconds = (duration?.seconds ?? 0) * 1000;
  if (duration?.months === 0 && milliseconds > 0 && milliseconds <= maxMilliseconds)
    return milliseconds;
  throw new ApiError(`timeout is not a duration between 1s and 24d: ${timeout}`, {
    code: 'InvalidInput',
    next: 'use a whole number with s, m, h or d, such as 10m',
  });
}
