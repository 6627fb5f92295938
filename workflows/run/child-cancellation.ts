/**
 * Lets a cancellation reach a child that has continued as new. The SDK cancels the first execution
 * of a child, which has ended then, so the child would run to its end and its parent would wait.
 */
import {
  CancellationScope,
  getExternalWorkflowHandle,
  type WorkflowOutboundCallsInterceptor,
} from '@temporalio/workflow';

export const childCancellation: WorkflowOutboundCallsInterceptor = {
  async startChildWorkflowExecution(input, next) {
    const scope = CancellationScope.current();
    // The server refuses a cancellation in the task that starts the child. No child has continued
    // before it has started.
    let isRunning = false;
    const cancelByName = async (): Promise<void> => {
      // The request of a scope that is not cancellable comes from the scope around it.
      if (!isRunning || !scope.consideredCancelled) return;
      const child = getExternalWorkflowHandle(input.options.workflowId);
      await CancellationScope.nonCancellable(() => child.cancel());
    };
    // A failure means that the child has just ended.
    scope.cancelRequested.catch(cancelByName).catch(() => undefined);

    const [started, completion] = await next(input);
    const setRunning = (now: boolean) => (): void => {
      isRunning = now;
    };
    started.then(setRunning(true)).catch(() => undefined);
    completion.then(setRunning(false), setRunning(false));
    return [started, completion];
  },
};
