import { setTimeout as sleep } from 'node:timers/promises';

/** Throws the signal's own reason when it is aborted meanwhile. */
export async function pauseMs(
  milliseconds: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted();
  if (milliseconds <= 0) return;
  await sleep(milliseconds, undefined, { ...(signal && { signal }) }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
}

/** For work that looks at the signal itself, but may have to wait for its turn before it does. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  const { promise: aborted, reject } = withRejecter();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Whoever lost the race still ends.
    work.catch(() => undefined);
  }
}

function withRejecter(): {
  readonly promise: Promise<never>;
  readonly reject: (reason: unknown) => void;
} {
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<never>((_, no) => {
    reject = no;
  });
  return { promise, reject };
}
