import { setMaxListeners } from 'node:events';
import { Context } from '@temporalio/activity';

/** Milliseconds; well below the usual heartbeat timeouts of 10 s and more. */
const defaultBeatMs = 2_000;

/**
 * Milliseconds, for an activity that moves traffic back, whose heartbeat timeout is 3 s: if its
 * worker is lost before the move, harm continues until the loss is noticed.
 */
export const rollbackBeatMs = 750;

export interface HeartbeatContext {
  /** Aborted when the run is cancelled or the worker stops; throw its reason then. */
  readonly signal: AbortSignal;
  /** Sets the details of the next heartbeat. */
  readonly report: (details: unknown) => void;
}

/**
 * Sends heartbeats from the first line until `work` ends. Without them a lost worker is not noticed
 * and a cancellation does not arrive. `beatMs` is the interval in milliseconds, for an activity
 * with a shorter heartbeat timeout.
 */
export async function withHeartbeat<T>(
  work: (beat: HeartbeatContext) => Promise<T>,
  beatMs = defaultBeatMs,
): Promise<T> {
  const context = Context.current();
  // The first beat repeats the details of the previous attempt, so that they are not lost if this
  // attempt also ends early.
  let latest: unknown = context.info.heartbeatDetails;
  context.heartbeat(latest);
  // Each request in flight adds a listener, and there may be hundreds, so no leak warning.
  setMaxListeners(0, context.cancellationSignal);
  const timer = setInterval(() => context.heartbeat(latest), beatMs);
  try {
    return await work({
      signal: context.cancellationSignal,
      report: (details) => {
        latest = details;
      },
    });
  } finally {
    clearInterval(timer);
  }
}
