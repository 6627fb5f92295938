/**
 * Between two turns requests, heartbeats and timers get theirs; work of a tenth of it is not worth
 * one.
 */
const turnMs = 20;

/**
 * For long work in the event loop that comes in small steps: called before each, it gives way when
 * the turn has been long enough. Only a single step holds the loop longer.
 * @throws what the signal was aborted with
 */
export function openTurns(signal?: AbortSignal): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since <= turnMs) return;
    await new Promise((turn) => setImmediate(turn));
    signal?.throwIfAborted();
    since = performance.now();
  };
}
