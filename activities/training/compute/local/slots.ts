/** Limits concurrent tasks to `size`; the others wait in the order in which they came. */
export interface Slots {
  /** Resolves with an idempotent release function. Rejects when `signal` aborts first. */
  take(signal: AbortSignal): Promise<() => void>;
}

export function createSlots(size: number): Slots {
  let free = size;
  const waiting: (() => void)[] = [];

  /** Passes the slot directly to the first in the queue, so that a new task cannot take it. */
  function release(): void {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  }

  return {
    async take(signal) {
      signal.throwIfAborted();
      if (free > 0) free -= 1;
      else {
        await new Promise<void>((resolve, reject) => {
          const turn = () => {
            signal.removeEventListener('abort', leave);
            resolve();
          };
          const leave = () => {
            waiting.splice(waiting.indexOf(turn), 1);
            reject(signal.reason as Error);
          };
          waiting.push(turn);
          signal.addEventListener('abort', leave, { once: true });
        });
      }
      let held = true;
      return () => {
        if (held) release();
        held = false;
      };
    },
  };
}
