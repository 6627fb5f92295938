import { failure, type FailureType } from '../domain/failure';

/** Waits at most `ms`, then throws the failure. The work continues and its result is dropped. */
export async function withTimeout<T>(
  ms: number,
  work: Promise<T>,
  late: { readonly type: FailureType; readonly message: string },
): Promise<T> {
  return raceDeadline<T>(ms, work, () => {
    throw failure(late.type, `${late.message} (no answer within ${ms} ms)`);
  });
}

/**
 * Waits at most `ms`, then returns or throws what `late` does. Unlike AbortSignal.timeout, no timer
 * remains after the work has ended.
 */
export function raceDeadline<T, Late = T>(
  ms: number,
  work: Promise<T>,
  late: () => Late,
): Promise<Late | T> {
  return new Promise((resolve) => {
    // A failure of `late` rejects the inner promise.
    const timer = setTimeout(() => resolve(new Promise<Late>((answer) => answer(late()))), ms);
    const settle = (): void => {
      clearTimeout(timer);
      resolve(work);
    };
    work.then(settle, settle);
  });
}
