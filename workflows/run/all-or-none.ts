import { CancellationScope } from '@temporalio/workflow';

/**
 * All at once, and none left behind: when one fails, the others are cancelled and awaited before
 * the failure goes on. An undo that began while one still works would come too early, and what that
 * one does afterwards would stay (I5, I7).
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
