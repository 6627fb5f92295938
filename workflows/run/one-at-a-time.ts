/**
 * Two local activities that end in the same moment may be replayed in another order than they ended
 * in: then the run could not go on after its worker's death.
 */
type Activity = ((...args: readonly unknown[]) => Promise<unknown>) & {
  readonly executeWithOptions: (...args: readonly unknown[]) => Promise<unknown>;
};

/** The newest call of this workflow execution; each execution has modules of its own. */
let last: Promise<unknown> = Promise.resolve();

/**
 * The same local activities, each call after the end of the one before it, whoever made that: the
 * workflow itself or the handler of a command.
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
