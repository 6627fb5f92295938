/**
 * Two local activities that end in the same moment may be replayed in the opposite order. The run
 * could then not continue on another worker, so local activities run one at a time.
 */
type Activity = ((...args: readonly unknown[]) => Promise<unknown>) & {
  readonly executeWithOptions: (...args: readonly unknown[]) => Promise<unknown>;
};

/** The latest call in this workflow execution; each execution has its own module instance. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Wraps local activities so that each call starts after the previous one has ended, whether the
 * workflow or a command handler made it.
 */
export function oneAtATime<Activities extends object>(activities: Activities): Activities {
  return new Proxy(activities, {
    get(target, name) {
      const activity = Reflect.get(target, name) as Activity;
      const inTurn = (...args: readonly unknown[]) => afterLast(() => activity(...args));
      return Object.assign(inTurn, {
        executeWithOptions: (...args: readonly unknown[]) =>
          afterLast(() => activity.executeWithOptions(...args)),
      });
    },
  });
}

function afterLast<T>(call: () => Promise<T>): Promise<T> {
  const mine = last.then(call);
  last = mine.catch(() => undefined);
  return mine;
}
