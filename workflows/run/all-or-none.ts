import { CancellationScope } from '@temporalio/workflow';

/**
 * Runs all in parallel. When one fails, it cancels and awaits the others before it throws.
 * Otherwise an undo could begin while another still works, whose effects would remain (I5, I7).
 */
export function allOrNone<T>(starts: readonly (() => Promise<T>)[]): Promise<T[]> {
  return CancellationScope.cancellable(async () => {
    const running = starts.map((start) => start());
    try {
      return await Promise.all(running);
    } catch (error) {
      CancellationScope.current().cancel();
      await Promise.allSettled(running);
      throw error;
    }
  });
}
