/** At most `size` tasks at once; the others wait their turn, first come, first served. */
export interface Slots {
  /**
   * Resolves with a release function, which may be called twice; rejects when `signal` aborts
   * first.
   */
  take(signal: AbortSignal): Promise<() => void>;
}

export function createSlots(size: number): Slots {
  let free = size;
  const waiting: (() => void)[] = [];

  /**
   * Handed to the next in line directly: a slot that is free for a moment would go to whoever comes
   * by.
   */
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
