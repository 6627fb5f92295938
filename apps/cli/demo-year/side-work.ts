/** Work beside the requests of a month, whose error ends the month. */
export interface SideWork {
  /** Aborted with the first error of the work, or by the given signal. */
  readonly signal: AbortSignal;
  add(work: Promise<void>): void;
  /** Waits for all work. @throws its first error */
  end(): Promise<void>;
}

export function openSideWork(signal: AbortSignal): SideWork {
  const failed = new AbortController();
  const all: Promise<void>[] = [];
  return {
    signal: AbortSignal.any([signal, failed.signal]),
    add(work) {
      all.push(work.catch((error: unknown) => failed.abort(error)));
    },
    async end() {
      await Promise.all(all);
      failed.signal.throwIfAborted();
    },
  };
}
