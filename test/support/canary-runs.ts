/** Runs whose candidate is tried in a canary: of each, the run and the workflow of its rollout. */
import type { WorkflowHandle } from '@temporalio/client';
import { rolloutWorkflowId } from '../../workflows/messages';
import type { RunPlan } from '../../workflows/stage';
import type { Overrides } from './fake-activities';
import { openLifecycleRuns, type LifecycleRuns, type StartedRun } from './lifecycle-runs';

export interface CanaryRun extends StartedRun {
  readonly rollout: WorkflowHandle;
}

export interface CanaryRuns extends Pick<LifecycleRuns, 'record' | 'close'> {
  start(plan: RunPlan, overrides: Overrides): Promise<CanaryRun>;
  /** A test that failed in the middle leaves its run to this. */
  endLeft(): Promise<void>;
}

export async function openCanaryRuns(): Promise<CanaryRuns> {
  const runs = await openLifecycleRuns();
  const left: CanaryRun[] = [];
  return {
    ...runs,
    async start(plan, overrides) {
      const run = await runs.start(plan, overrides);
      const rollout = run.handle.client.getHandle(rolloutWorkflowId({ ...plan, model: plan.lifecycle }));
      let ended: ReturnType<StartedRun['end']> | null = null;
      const tried = { ...run, rollout, end: () => (ended ??= run.end()) };
      left.push(tried);
      return tried;
    },
    async endLeft() {
      for (const { handle, rollout, end } of left.splice(0)) {
        await handle.terminate('its test is over').catch(() => undefined);
        await rollout.terminate('its test is over').catch(() => undefined);
        await end().catch(() => undefined);
      }
    },
  };
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 20_000; !(await condition());) {
    if (Date.now() > deadline) throw new Error('it did not come to that');
    await new Promise((done) => setTimeout(done, 20));
  }
}
