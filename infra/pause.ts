import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, or returns early once the signal is aborted. It leaves no listener on the signal. */
export async function pauseUnlessAborted(seconds: number, signal: AbortSignal): Promise<void> {
  if (seconds === 0) return;
  try {
    await sleep(seconds * 1000, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
