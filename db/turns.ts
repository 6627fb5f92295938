/** A bounded queue before something that few may use at once, such as a connection. */
export interface Turns {
  /**
   * Runs the work in its turn. @throws what `refuse` makes, when too many wait already or the turn
   * did not come in time
   */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export interface TurnOptions {
  readonly atOnce: number;
  readonly mostWaiting: number;
  readonly longestWaitMs: number;
  readonly refuse: (state: { readonly running: number; readonly waiting: number }) => Error;
}

export function openTurns({ atOnce, mostWaiting, longestWaitMs, refuse }: TurnOptions): Turns {
  const waiting = new Set<() => void>();
  let running = 0;

  async function turn(): Promise<void> {
    if (running < atOnce) {
      running += 1;
      return;
    }
    if (waiting.size >= mostWaiting) throw refuse({ running, waiting: waiting.size });
    await new Promise<void>((resolve, reject) => {
      const begin = () => {
        clearTimeout(late);
        resolve();
      };
      const late = setTimeout(() => {
        const state = { running, waiting: waiting.size };
        waiting.delete(begin);
        reject(refuse(state));
      }, longestWaitMs);
      waiting.add(begin);
    });
  }

  /** The place goes to the one that has waited longest without becoming free in between. */
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
