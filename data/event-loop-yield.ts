/** How long work may hold the event loop before requests, heartbeats and timers get a turn. */
const turnMs = 20;

/**
 * Lets long work in small steps share the event loop. Call the result before each step; it yields
 * when the turn is over.
 * @throws the abort reason of the signal
 */
export function openEventLoopYield(signal?: AbortSignal): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since <= turnMs) return;
    await new Promise((turn) => setImmediate(turn));
    signal?.throwIfAborted();
    since = performance.now();
  };
}
