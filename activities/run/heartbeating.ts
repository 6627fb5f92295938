import { setMaxListeners } from 'node:events';
import { Context } from '@temporalio/activity';

/** Well inside the heartbeat timeouts of 10 s and more. */
const usualBeatMs = 2_000;

export interface Beat {
  /** Aborted when the run is cancelled or the worker stops; its reason is what to throw then. */
  readonly signal: AbortSignal;
  /** Shown with the next beat. */
  readonly report: (details: unknown) => void;
}

/**
 * Shows life from its first line until `work` ends: death is noticed by silence, and cancellation
 * arrives with the answer to a beat. `beatMs`: milliseconds between beats, for an activity whose
 * heartbeat timeout is shorter than usual.
 */
export async function whileBeating<T>(
  work: (beat: Beat) => Promise<T>,
  beatMs = usualBeatMs,
): Promise<T> {
  const context = Context.current();
  // What the attempt before it had said stands until this one says more: dying in between must not
  // unsay it.
  let latest: unknown = context.info.heartbeatDetails;
  context.heartbeat(latest);
  // Every question under way listens, and there may be hundreds: no leak to warn of.
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
