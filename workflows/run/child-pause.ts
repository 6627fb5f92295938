import { condition, type ChildWorkflowHandle, type Workflow } from '@temporalio/workflow';
import type { Run } from '../lifecycle/stage';
import { changeStatus } from './control';
import { runPausedSignal, runResumedSignal } from './messages';

/**
 * The result of a child workflow that starts no new work while the run is paused. `remaining` says
 * what the child still does then.
 */
export async function pausedWithRun<Child extends Workflow>(
  run: Run,
  child: ChildWorkflowHandle<Child>,
  { wasPaused, remaining }: { readonly wasPaused: boolean; readonly remaining: string },
): ReturnType<ChildWorkflowHandle<Child>['result']> {
  let over = false;
  const forwardPause = async (): Promise<void> => {
    for (let isPaused = wasPaused; ;) {
      await condition(() => over || (run.control.pausedBy !== null) !== isPaused);
      if (over) return;
      isPaused = run.control.pausedBy !== null;
      await recordPause(run, remaining);
      await child.signal(isPaused ? runPausedSignal : runResumedSignal);
    }
  };
  // The signal fails when the child has just ended, which is harmless. If it fails for another
  // reason, the child continues and is still cancelled with the run.
  const forwarding = forwardPause().catch(() => undefined);
  try {
    return await child.result();
  } finally {
    over = true;
    await forwarding;
  }
}

async function recordPause({ plan, control }: Run, remaining: string): Promise<void> {
  const { pausedBy } = control;
  const waitingFor =
    pausedBy &&
    `paused by ${pausedBy.actor}${pausedBy.reason ? ` (${pausedBy.reason})` : ''}; ` +
      `${remaining}; perennial run resume ${plan.runId}`;
  await changeStatus(control, pausedBy ? 'paused' : 'running', waitingFor);
}
