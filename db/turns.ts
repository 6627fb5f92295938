/** A bounded queue for a limited resource, such as connections. */
export interface Turns {
  /**
   * Waits for a free place, then runs the work.
   * @throws the error of `refuse`, when the queue is full or the wait is too long
   */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export interface TurnOptions {
  readonly maxRunning: number;
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
  readonly refuse: (state: { readonly running: number; readonly waiting: number }) => Error;
}

export function openTurns({ maxRunning, maxWaiting, maxWaitMs, refuse }: TurnOptions): Turns {
  const waiting = new Set<() => void>();
  let running = 0;

  async function turn(): Promise<void> {
    if (running < maxRunning) {
      running += 1;
      return;
    }
    if (waiting.size >= maxWaiting) throw refuse({ running, waiting: waiting.size });
    await new Promise<void>((resolve, reject) => {
      const begin = () => {
        clearTimeout(late);
        resolve();
      };
      const late = setTimeout(() => {
        const state = { running, waiting: waiting.size };
        waiting.delete(begin);
        reject(refuse(state));
      }, maxWaitMs);
      waiting.add(begin);
    });
  }

  /** Passes the place directly to the request that waits longest. */
  function over(): void {
    const [next] = waiting;
    if (next === undefined) {
      running -= 1;
      return;
    }
    waiting.delete(next);
    next();
  }

  return {
    async run(work) {
      await turn();
      try {
        return await work();
      } finally {
        over();
      }
    },
  };
}
