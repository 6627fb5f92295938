import { setTimeout as pause } from 'node:timers/promises';

export interface Patience {
  /** Less than the timeout of a test, so that the error has the last answer. */
  readonly seconds?: number;
  readonly everyMs?: number;
  /** Added to the error after the time limit. */
  readonly detail?: () => unknown;
}

/** Waits until the condition holds. Returns the time in milliseconds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  patience: Patience = {},
): Promise<number> {
  const started = performance.now();
  await untilAnswer(condition, (holds) => holds, {
    detail: () => condition.toString(),
    ...patience,
  });
  return performance.now() - started;
}

/** Repeats a query until its result is the wanted one, and returns it. */
export async function untilAnswer<T>(
  ask: () => T | Promise<T>,
  isWanted: (answer: T) => boolean,
  { seconds = 240, everyMs = 10, detail }: Patience = {},
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    if (Date.now() > deadline) {
      const last: unknown = (await detail?.()) ?? answer;
      throw new Error(
        `it did not happen within ${seconds} s: ${typeof last === 'string' ? last : JSON.stringify(last)}`,
      );
    }
    await pause(everyMs);
  }
}
