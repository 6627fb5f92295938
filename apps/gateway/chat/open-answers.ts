import type { ServerResponse } from 'node:http';
import { HttpProblem } from '../../http/problem';

/**
 * The answers in progress: their limit, disconnected callers, and the end when the gateway stops.
 */
export interface OpenAnswers {
  /**
   * Take a place until the response is closed. 503 when none is free, because each answer holds a
   * connection to the caller and one to the provider.
   */
  open(raw: ServerResponse): OpenAnswer;
  count(): number;
  /**
   * Wait so long for answers in progress, then abort the rest and close their connections. Resolves
   * when none is left.
   */
  drain(ms: number): Promise<void>;
}

export interface OpenAnswer {
  /** Aborted with an HttpProblem, so that nothing is paid for an answer that is not read. */
  readonly signal: AbortSignal;
  /** End the answer on the gateway's side. */
  stop(why: HttpProblem): void;
}

/** The time for the client to read the last event. */
const tellingMs = 2_000;

/** The status for the log when the client has disconnected; it is not sent. */
export const clientClosedStatus = 499;

export function createOpenAnswers(max: number): OpenAnswers {
  const answers = new Map<ServerResponse, AbortController>();
  let stopping = false;
  let emptied: (() => void) | null = null;

  function open(raw: ServerResponse): OpenAnswer {
    if (stopping) throw gatewayStops();
    if (answers.size >= max) {
      const next =
        'try again later, start another gateway, or raise PERENNIAL_GATEWAY_MAX_ANSWERS with the limit of open files';
      throw new HttpProblem(
        503,
        'TooManyAnswers',
        `this gateway already has ${max} answers in progress, its limit`,
        next,
      );
    }
    const stop = new AbortController();
    answers.set(raw, stop);
    raw.once('close', () => {
      answers.delete(raw);
      // Over HTTP/2 a cancelled response counts as finished, but its end was not written.
      if (!raw.writableEnded || !raw.writableFinished)
        stop.abort(
          new HttpProblem(
            clientClosedStatus,
            'CallerGone',
            'the client closed the connection before its answer was complete',
          ),
        );
      if (answers.size === 0) emptied?.();
    });
    return { signal: stop.signal, stop: (why) => stop.abort(why) };
  }

  async function drain(ms: number): Promise<void> {
    stopping = true;
    if (answers.size === 0) return;
    const empty = new Promise<void>((resolve) => (emptied = resolve));
    const tellAll = (): void => {
      for (const stop of answers.values()) stop.abort(gatewayStops());
    };
    const hangUp = (): void => {
      for (const raw of answers.keys()) raw.destroy();
    };
    const timers = [setTimeout(tellAll, ms), setTimeout(hangUp, ms + tellingMs)];
    await empty;
    for (const timer of timers) clearTimeout(timer);
  }

  return { open, count: () => answers.size, drain };
}

function gatewayStops(): HttpProblem {
  return new HttpProblem(
    503,
    'GatewayStopping',
    'this gateway is stopping',
    'send the request again; another gateway will answer, or this one after its restart',
  );
}
